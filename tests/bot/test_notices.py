"""Staff are told once a day what is due: with a real database, over restarts and failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from bot.notices import LONGEST_ATTEMPT, LONGEST_LIST, Notices, Send, StaffNotice, notice
from integrations.database import Database
from integrations.mail import Refused, Unavailable
from responses.catalogue import Catalogue
from responses.content import Fact
from responses.state import Due, Why

VILNIUS = ZoneInfo("Europe/Vilnius")
DAY = date(2026, 11, 24)
FACT: dict[str, Any] = {"type": "money", "value": "80 EUR", "seen": DAY, "review_by": DAY, "owner": "studies"}
FACT |= {"needs_review": False, "source": {"title": "A page", "url": "https://ktu.edu/fee"}}


def due(why: Why = "overdue", name: str = "fee", **said: Any) -> Due:
    return Due(name, Fact.model_validate(FACT | said), DAY, why, ("visa.fee",))


@dataclass
class Office:
    """The staff, who are reached or not, and the clock on their wall."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 24, 9, 0, tzinfo=VILNIUS))
    listed: list[Due] = field(default_factory=lambda: [due()])
    heard: list[tuple[str, date]] = field(default_factory=list)
    troubles: dict[str, BaseException] = field(default_factory=dict)

    def notices(self, database: Database) -> Notices:
        """As a process that has just begun has them."""
        ways = {way: self._listen(way) for way in ("chat", "mail")}
        return Notices(database, lambda day: self.listed, ways, lambda: self.now)

    def _listen(self, way: str) -> Send:
        async def send(day: date, listed: Sequence[Due]) -> None:
            if way in self.troubles:
                raise self.troubles[way]
            self.heard.append((way, day))

        return send


async def rows(database: Database) -> list[tuple[date, str, bool]]:
    async with database.begin() as session:
        found = await session.execute(select(StaffNotice.day, StaffNotice.way, StaffNotice.sent))
        return sorted((day, way, sent) for day, way, sent in found)


BOTH = [("chat", DAY), ("mail", DAY)]


async def test_both_ways_are_told_once_a_day_over_restarts(database: Database) -> None:
    office = Office()
    for _ in range(2):
        notices = office.notices(database)
        await notices.look()
        await notices.look()
        office.now += timedelta(hours=14)  # a quarter to midnight, or just 23:00
    assert office.heard == BOTH
    assert await rows(database) == [(DAY, "chat", True), (DAY, "mail", True)]
    office.now = datetime(2026, 11, 25, 8, 0, tzinfo=VILNIUS)
    await office.notices(database).look()
    assert office.heard[2:] == [("chat", date(2026, 11, 25)), ("mail", date(2026, 11, 25))]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (datetime(2026, 11, 24, 7, 59, tzinfo=VILNIUS), False),
        (datetime(2026, 11, 24, 8, 0, tzinfo=VILNIUS), True),
        (datetime(2026, 7, 1, 5, 0, tzinfo=ZoneInfo("UTC")).astimezone(VILNIUS), True),  # summer time
        (datetime(2026, 11, 24, 23, 59, tzinfo=VILNIUS), True),  # a bot that was started late
    ],
)
async def test_nobody_is_told_before_the_morning(database: Database, now: datetime, told: bool) -> None:
    office = Office(now=now)
    await office.notices(database).look()
    assert bool(office.heard) is told


@pytest.mark.parametrize("listed", [[], [due("never checked")]])
async def test_nothing_is_told_while_nothing_has_come_due(database: Database, listed: list[Due]) -> None:
    office = Office(listed=listed)
    await office.notices(database).look()
    assert (office.heard, await rows(database)) == ([], [])


@pytest.mark.parametrize("error", [Unavailable("no route"), Refused("535 wrong password")])
async def test_a_way_that_fails_is_logged_and_tried_again_alone(database: Database, error: Exception) -> None:
    office = Office(troubles={"mail": error})
    notices = office.notices(database)
    with capture_logs() as logs:
        await notices.look()
    assert [(each["event"], each["way"]) for each in logs] == [("staff_told", "chat"), ("staff_not_told", "mail")]
    assert logs[1]["reason"] == f"{type(error).__name__}: {error}"
    assert await rows(database) == [(DAY, "chat", True)]
    office.troubles.clear()
    await notices.look()
    assert office.heard == BOTH


async def test_an_attempt_that_is_stopped_is_made_again_after_the_restart(database: Database) -> None:
    office = Office(troubles={"chat": asyncio.CancelledError()})
    with pytest.raises(asyncio.CancelledError):
        await office.notices(database).look()
    office.troubles.clear()
    await office.notices(database).look()
    assert office.heard == BOTH


async def test_an_attempt_that_was_killed_is_made_again_only_when_nobody_can_be_at_it_any_more(
    database: Database,
) -> None:
    office = Office()
    async with database.begin() as session:
        session.add(StaffNotice(day=DAY, way="chat", begun_at=office.now, sent=False))
    await office.notices(database).look()
    assert office.heard == [("mail", DAY)]
    office.now += LONGEST_ATTEMPT + timedelta(seconds=1)
    await office.notices(database).look()
    assert office.heard == [("mail", DAY), ("chat", DAY)]


async def test_two_processes_tell_once(database: Database) -> None:
    office, other = Office(), Database(database.url.render_as_string(hide_password=False))
    await asyncio.gather(*(office.notices(each).look() for each in (database, other)))
    await other.close()
    assert sorted(office.heard) == BOTH


async def test_what_nobody_foresaw_does_not_end_the_looking(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.notices.SECONDS_BETWEEN_LOOKS", 0)
    office = Office(troubles={"chat": RuntimeError("unforeseen")})
    with capture_logs() as logs:
        following = asyncio.create_task(office.notices(database).follow())
        async with asyncio.timeout(20):
            while not logs:  # noqa: ASYNC110 -- what we wait for tells nobody
                await asyncio.sleep(0.005)
            office.troubles.clear()
            while len(office.heard) < 2:  # noqa: ASYNC110 -- the same
                await asyncio.sleep(0.005)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert logs[0]["event"] == "notices_failed"
    assert office.heard == BOTH


def test_a_notice_counts_everything_and_lists_what_has_a_day() -> None:
    ended = due("not valid", "old_fee", valid_until=DAY)
    listed = [ended, due(), due(value="7 EUR", name="small_fee"), due("never checked", "new_fee")]
    assert notice(listed, 2) == (
        "Figures to look up: 1 not valid, 2 overdue, 1 never checked\n\n"
        "• not valid, until 2026-11-24: old_fee = 80 EUR (studies)\nhttps://ktu.edu/fee\n\n"
        "• overdue, review by 2026-11-24: fee = 80 EUR (studies)\nhttps://ktu.edu/fee\n\n"
        "… and 1 more\n\n"
        "All of them: python -m responses due"
    )


def test_the_longest_notice_fits_into_a_telegram_message(catalogue: Catalogue) -> None:
    listed = catalogue.due(date(2099, 1, 1))
    assert len(listed) > 200
    longest = sorted(listed, key=lambda each: len(notice([each], 1)))[-LONGEST_LIST - 1 :]
    assert len(notice(longest, LONGEST_LIST)) <= 4096
