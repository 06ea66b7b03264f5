"""Once a day staff are told which figures somebody has to look up again, in their chat and by mail.

Each way has a row for the day, so that a restart tells nobody twice and one way that fails is tried again
without the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from functools import partial

import structlog
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column
from telegram import Bot, LinkPreviewOptions
from telegram.error import TelegramError

from integrations.database import Base, Database, DatabaseUnavailable
from integrations.mail import Letter, Mail, Refused, Unavailable
from responses.state import URGENCY, Due

MORNING = time(8)
SECONDS_BETWEEN_LOOKS = 300
LONGEST_ATTEMPT = timedelta(minutes=10)  # whoever began longer ago and told nobody was killed
LONGEST_LIST = 10  # figures in the chat; the letter has all
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

Send = Callable[[date, Sequence[Due]], Awaitable[None]]
log = structlog.get_logger()


class StaffNotice(Base):
    """One day's notice on one way, `chat` or `mail`: somebody is sending it since `begun_at`, or it is sent."""

    __tablename__ = "staff_notice"

    day: Mapped[date] = mapped_column(primary_key=True)
    way: Mapped[str] = mapped_column(primary_key=True)
    begun_at: Mapped[datetime]
    sent: Mapped[bool]


class Notices:
    """Tells what is due on every way, once a day, from the morning on."""

    def __init__(
        self,
        database: Database,
        due: Callable[[date], Sequence[Due]],
        ways: Mapping[str, Send],
        now: Callable[[], datetime],
    ) -> None:
        self._database, self._due, self._ways, self._now = database, due, ways, now
        self._told: set[tuple[date, str]] = set()

    async def follow(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            try:
                await self.look()
            except Exception:  # tomorrow's notice must not fail because of today's
                log.exception("notices_failed")

    async def look(self) -> None:
        """Tell what has not been told today, where there is anything to do."""
        now = self._now()
        listed = self._due(now.date())
        if now.time() < MORNING or all(each.why == "never checked" for each in listed):
            return
        for way, send in self._ways.items():
            try:
                await self._tell(now, way, partial(send, now.date(), listed))
            except (TelegramError, Unavailable, Refused, DatabaseUnavailable) as error:
                log.warning("staff_not_told", way=way, reason=f"{type(error).__name__}: {error}")

    async def _tell(self, now: datetime, way: str, send: Callable[[], Awaitable[None]]) -> None:
        day = now.date()
        if (day, way) in self._told or not await self._claim(now, way):
            return
        try:
            await send()
        except BaseException:
            with suppress(DatabaseUnavailable):
                await self._release(day, way)
            raise
        self._told.add((day, way))  # even where the next line fails
        async with self._database.begin() as session:
            await session.execute(update(StaffNotice).filter_by(day=day, way=way).values(sent=True))
        log.info("staff_told", way=way)

    async def _claim(self, now: datetime, way: str) -> bool:
        """Whether this process is to send today's notice: nobody has sent it or is about to."""
        day = now.date()
        try:
            async with self._database.begin() as session:
                row = await session.get(StaffNotice, (day, way))
                if row is None:
                    session.add(StaffNotice(day=day, way=way, begun_at=now, sent=False))
                    return True
                if row.sent or row.begun_at > now - LONGEST_ATTEMPT:
                    return False
                mine = update(StaffNotice).filter_by(day=day, way=way, begun_at=row.begun_at).values(begun_at=now)
                return bool((await session.execute(mine.returning(StaffNotice.day))).all())
        except DatabaseUnavailable as error:
            if isinstance(error.__cause__, IntegrityError):  # another process was quicker
                return False
            raise

    async def _release(self, day: date, way: str) -> None:
        async with self._database.begin() as session:
            await session.execute(delete(StaffNotice).filter_by(day=day, way=way))


def staff_ways(bot: Bot, mail: Mail, staff_chat: int | None, staff_mail: str) -> Mapping[str, Send]:
    """The ways on which staff want to be told."""

    async def write_in_chat(day: date, listed: Sequence[Due]) -> None:
        assert staff_chat
        await bot.send_message(staff_chat, notice(listed, LONGEST_LIST), link_preview_options=NO_PREVIEW)

    async def write_letter(day: date, listed: Sequence[Due]) -> None:
        await mail.send(Letter(staff_mail, f"Bičiulis: figures to look up, {day}", notice(listed, len(listed))))

    return ({"chat": write_in_chat} if staff_chat else {}) | ({"mail": write_letter} if staff_mail else {})


def notice(listed: Sequence[Due], longest: int) -> str:
    """What is due as plain text: how many of each urgency, and the first of those with a day, with their sources."""
    counts = {why: sum(each.why == why for each in listed) for why in URGENCY}
    head = "Figures to look up: " + ", ".join(f"{count} {why}" for why, count in counts.items() if count)
    pressing = [each for each in listed if each.why != "never checked"]
    lines = [head, *map(_line, pressing[:longest])]
    if len(pressing) > longest:
        lines.append(f"… and {len(pressing) - longest} more")
    return "\n\n".join([*lines, "All of them: python -m responses due"])


def _line(each: Due) -> str:
    fact = each.fact
    value = fact.value if len(fact.value) <= 60 else fact.value[:59] + "…"
    return f"• {each.why}, {each.when}: {each.name} = {value} ({fact.owner})\n{fact.source.url}"
