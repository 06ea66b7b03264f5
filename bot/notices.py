"""Once a day staff are told which figures somebody has to look up again, in their chat and by mail.

Each way is a job of its own, so that one that fails is tried again without the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time

from sqlalchemy.ext.asyncio import AsyncSession

from bot.jobs import VILNIUS, Periodic
from integrations.mail import Letter, Mail
from responses.state import URGENCY, Due

MORNING = time(8)
LONGEST_LIST = 10  # figures in the chat; the letter has all

ListDue = Callable[[date], Sequence[Due]]
Say = Callable[[AsyncSession, str], Awaitable[None]]


def chat_notice(list_due: ListDue, say: Say) -> Periodic:
    """The list in the staff's chat, said within the job's transaction."""

    async def tell(session: AsyncSession) -> None:
        if listed := _to_tell(list_due):
            await say(session, notice(listed, LONGEST_LIST))

    return Periodic("staff_chat_notice", _every_morning(), tell)


def letter_notice(list_due: ListDue, mail: Mail, to: str) -> Periodic:
    """The whole list by mail."""

    async def tell() -> None:
        if listed := _to_tell(list_due):
            subject = f"Bičiulis: figures to look up, {_now().date()}"
            await mail.send(Letter(to, subject, notice(listed, len(listed))))

    return Periodic("staff_letter", _every_morning(), outside=tell)


def _to_tell(list_due: ListDue) -> Sequence[Due]:
    """What is due today, if anything has a day; a notice that was missed and would come by night is left out."""
    now = _now()
    listed = list_due(now.date())
    return listed if now.time() >= MORNING and any(each.why != "never checked" for each in listed) else []


def _now() -> datetime:
    return datetime.now(VILNIUS)


def _every_morning() -> str:
    return f"{MORNING.minute} {MORNING.hour} * * *"


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
