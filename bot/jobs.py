"""Periodic work as rows: each due time is worked off once, by whichever of the processes is quicker.

Whoever takes a job puts its due time off before beginning, so that no job is begun without a pause that failed or
that the process died of. The job's own writes and its next due time are one transaction. What it does outside of the
database, such as a letter, is done at least once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from cronsim import CronSim
from sqlalchemy import BigInteger, Update, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bot.stopping import pause
from integrations.database import Base, Database, DatabaseUnavailable, Peers, utc_now

VILNIUS = ZoneInfo("Europe/Vilnius")
SECONDS_BETWEEN_LOOKS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)  # before a job that failed is tried again

Work = Callable[[AsyncSession], Awaitable[None]]
log = structlog.get_logger()


class Job(Base):
    """When a job is to be begun: at its time, or again after an attempt that is in work, failed or died."""

    __tablename__ = "job"

    name: Mapped[str] = mapped_column(primary_key=True)
    recurrence: Mapped[str]
    due_at: Mapped[datetime]
    claimed_by: Mapped[int | None] = mapped_column(BigInteger)  # the number of the process that does it
    attempts: Mapped[int]  # begun since it was last done
    last_done_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Periodic:
    """A job as the code declares it: `recurrence` is a cron expression, read in Lithuanian local time.

    The work gets the transaction at whose end the job is done. What waits for others, such as a mail server, is
    done `outside`, before the transaction.
    """

    name: str
    recurrence: str
    work: Work | None = None
    outside: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True)
class Claimed:
    """A job that is ours to do since `at`; if nothing comes of it, it is begun again after a pause."""

    name: str
    recurrence: str
    at: datetime
    pause: timedelta

    @property
    def again_at(self) -> datetime:
        """When it is due if we die; its row says so, by which our claim is known."""
        return self.at + self.pause


class ClaimLost(Exception):
    """Others took us for dead and took the job over."""


class Runner:
    """Does the jobs one after another."""

    def __init__(self, database: Database, jobs: Iterable[Periodic], peers: Peers) -> None:
        self._database, self._peers = database, peers
        self._jobs = {job.name: job for job in jobs}

    async def follow(self, stopping: asyncio.Event) -> None:
        """Do what comes due until told to stop."""
        declared = False
        while not stopping.is_set():
            try:
                if not declared:
                    await self.declare()
                    declared = True
                    log.info("jobs_declared", jobs=sorted(self._jobs))
                await self.look()
            except Exception as error:  # noqa: BLE001 -- tomorrow's jobs must not end with today's trouble
                log.error("jobs_not_read", reason=_said(error), pause=SECONDS_BETWEEN_LOOKS)
            await pause(stopping, SECONDS_BETWEEN_LOOKS)

    async def declare(self) -> None:
        """Write the rows as the code has the jobs now. A changed time counts from when the job was last done."""
        now = utc_now()
        async with self._database.begin() as session:
            await session.execute(delete(Job).where(Job.name.not_in(self._jobs)))
            rows = {row.name: row for row in await session.scalars(select(Job))}
            for job in self._jobs.values():
                row = rows.get(job.name)
                if row is None:
                    due = next_due(job.recurrence, now)
                    with suppress(IntegrityError):  # a process that started with us was quicker
                        async with session.begin_nested():
                            session.add(Job(name=job.name, recurrence=job.recurrence, due_at=due, attempts=0))
                elif row.recurrence != job.recurrence:
                    row.recurrence, row.due_at = job.recurrence, next_due(job.recurrence, row.last_done_at or now)
                    row.claimed_by, row.attempts = None, 0  # who does it by the old time must not set the next

    async def look(self) -> None:
        """Do what is due, one job after another."""
        while claimed := await self._claim():
            await self._do(claimed)

    async def _claim(self) -> Claimed | None:
        """Take the job that is due longest and that nobody alive is doing.

        Our own claims are free too: we do one job at a time, so it was a process that had our number before.
        """
        now = utc_now()
        async with self._database.begin() as session:
            others = await self._peers.alive(session) - {self._peers.number}
            free = or_(Job.claimed_by.is_(None), Job.claimed_by.not_in(others))
            due = select(Job).where(Job.name.in_(self._jobs), Job.due_at <= now, free).order_by(Job.due_at).limit(1)
            row = await session.scalar(due.with_for_update(skip_locked=True))
            if row is None:
                return None
            claimed = Claimed(row.name, row.recurrence, now, _pause_after(row.attempts))
            # SQLite locks no rows: the old due time tells whether somebody was quicker.
            mine = update(Job).where(Job.name == row.name, Job.due_at == row.due_at)
            mine = mine.values(claimed_by=self._peers.number, attempts=row.attempts + 1, due_at=claimed.again_at)
            return claimed if (await session.scalars(mine.returning(Job.name))).all() else None

    async def _do(self, claimed: Claimed) -> None:
        try:
            job = self._jobs[claimed.name]
            if job.outside:
                await job.outside()
            async with self._database.begin() as session:
                if job.work:
                    await job.work(session)
                await self._settle(session, claimed)
        except ClaimLost:
            log.warning("job_taken_over", job=claimed.name)
        except Exception as error:  # noqa: BLE001 -- a job that fails must not keep the others from being done
            await self._put_down(claimed, error)
        else:
            log.info("job_done", job=claimed.name)

    async def _settle(self, session: AsyncSession, claimed: Claimed) -> None:
        """Set the next due time, or undo the transaction by raising ClaimLost."""
        now = max(utc_now(), claimed.at)  # a clock that was set back must not make the same time come again
        due = next_due(claimed.recurrence, now)
        done = self._mine(claimed).values(claimed_by=None, attempts=0, due_at=due, last_done_at=now)
        if not (await session.scalars(done.returning(Job.name))).all():
            raise ClaimLost

    async def _put_down(self, claimed: Claimed, error: Exception) -> None:
        again = utc_now() + claimed.pause  # failing may have taken longer than the pause
        trace = None if isinstance(error, DatabaseUnavailable) else error  # below it, the values of the statement
        at = again.isoformat(timespec="seconds")
        log.error("job_failed", job=claimed.name, reason=_said(error), again_at=at, exc_info=trace)
        async with self._database.begin() as session:
            await session.execute(self._mine(claimed).values(claimed_by=None, due_at=again))

    def _mine(self, claimed: Claimed) -> Update:
        return update(Job).where(
            Job.name == claimed.name, Job.claimed_by == self._peers.number, Job.due_at == claimed.again_at
        )


def next_due(recurrence: str, after: datetime) -> datetime:
    """The first moment behind `after`, in UTC, at which clocks in Lithuania show what the cron expression says.

    cronsim moves what falls into the hour that spring leaves out to the end of it. In the hour that autumn has twice
    it names the first pass only, even where that is over: then the next day's counts.
    """
    times = (each.astimezone(UTC) for each in CronSim(recurrence, after.astimezone(VILNIUS)))
    return next(each for each in times if each > after)


def _pause_after(failures: int) -> timedelta:
    return min(FIRST_PAUSE * (1 << min(failures, 10)), LONGEST_PAUSE)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
