"""How things are, for a person at night and for a monitor."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from rich.table import Table
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine.url import URL
from sqlalchemy.ext.asyncio import AsyncSession

from bot.delivery.waiting import Unsent, read_unsent
from bot.intake.backlog import Backlog, read_backlog
from bot.journal import Exchange, UnansweredQuestion
from bot.students import Student
from integrations.database import Database, DatabaseUnavailable, utc_now
from integrations.database.schema import newest_revision, revision
from responses.models import Publication
from responses.publishing import published
from responses.state import due

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Activity:
    """What the tables tell of the bot's work."""

    inbox: Backlog
    outbox: Unsent
    students: int  # seen in the last day
    outcomes: dict[str, int]  # of the answers of the last day
    unanswered: int  # questions without an answer that no member of staff has seen
    publication: int  # number of the newest, 0 where nothing is published
    published_at: datetime | None
    due: dict[str, int]  # figures to look up, by urgency


@dataclass(frozen=True)
class Status:
    """How things are; without an activity where the tables are not those of this code."""

    engine: str
    revision: str | None
    newest_revision: str | None
    activity: Activity | None

    @property
    def troubles(self) -> list[str]:
        """What a person has to look at now. What staff have to do in daylight is none."""
        return list(_troubles(self))

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"troubles": self.troubles}, default=str)


async def read_status(url: str, today: date) -> Status:
    """Look at everything once. Raises DatabaseUnavailable."""
    database = Database(url)
    _require_file(database.url)
    try:
        async with database.begin() as session:
            found = await revision(session)
        fits = found == newest_revision()
        activity = await _read_activity(database, today) if fits else None
        return Status(database.url.get_backend_name(), found, newest_revision(), activity)
    finally:
        await database.close()


def table(status: Status) -> Table:
    """What is there, a line each, and below what a person has to look at."""
    shown = Table(show_header=False, box=None)
    shown.add_row("database", f"{status.engine}, migration {status.revision or 'none'}")
    for name, value in _lines(status.activity) if status.activity else ():
        shown.add_row(name, value)
    for trouble in status.troubles:
        shown.add_row("[bold red]look at this[/]", trouble)
    return shown


def _require_file(url: URL) -> None:
    """Whoever only looks must not make a database. Raises DatabaseUnavailable."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise DatabaseUnavailable(f"there is no file {url.database}")


async def _read_activity(database: Database, today: date) -> Activity:
    newest = await published(database)
    async with database.begin() as session:
        since = utc_now() - DAY
        outcomes = select(Exchange.outcome, func.count()).where(Exchange.at > since).group_by(Exchange.outcome)
        return Activity(
            inbox=await read_backlog(session),
            outbox=await read_unsent(session),
            students=await _count(session, Student.last_seen > since),
            outcomes={outcome: count for outcome, count in await session.execute(outcomes)},
            unanswered=await _count(session, UnansweredQuestion.seen_by_staff.is_(False)),
            publication=newest[0] if newest else 0,
            published_at=await session.scalar(select(func.max(Publication.at))),
            due=dict(Counter(each.why for each in due(newest[1], today))) if newest else {},
        )


async def _count(session: AsyncSession, where: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count()).where(where)) or 0


def _troubles(status: Status) -> Iterator[str]:
    if status.activity is None:
        yield f"This version needs migration {status.newest_revision}: python -m bot migrate"
        return
    if status.activity.inbox.is_too_old:
        yield "Somebody has waited too long: is the bot running, does /readyz say what is missing?"
    if not status.activity.publication:
        yield "Nothing is published: make content"


def _lines(activity: Activity) -> Iterator[tuple[str, str]]:
    inbox, outbox = activity.inbox, activity.outbox
    yield "updates", f"{inbox.waiting} waiting, {inbox.in_work} in work{_oldest(inbox.oldest)}"
    yield "messages", f"{outbox.waiting} to be sent{_oldest(outbox.oldest)}"
    yield "undeliverable, 7 days", str(outbox.undeliverable)
    yield "students in 24 h", str(activity.students)
    yield "answers in 24 h", _counted(activity.outcomes)
    yield "unanswered, not seen", str(activity.unanswered)
    if activity.published_at:
        yield "published", f"number {activity.publication}, {activity.published_at:%Y-%m-%d %H:%M} UTC"
    yield "figures to look up", _counted(activity.due)


def _oldest(seconds: float) -> str:
    return f", the oldest for {timedelta(seconds=round(seconds))}" if seconds else ""


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
