"""Sends what the outbox holds: many chats at once, each in order, at Telegram's pace.

Over all processes one sends at a time: only so the limits hold and the order in a chat is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Bot

from bot import journal
from bot.delivery import outbox
from bot.delivery.calls import Later, Moved, Outcome, Refused, Sent, show
from bot.delivery.outbox import Parcel
from bot.delivery.pace import Limits, Pace
from bot.stopping import pause, unless
from integrations.database import Database, DatabaseUnavailable, Held

AT_ONCE = 64  # calls on their way
LONGEST_PAUSE = 60.0  # seconds between two attempts to send the same
LONGEST_FAREWELL = 6.0  # seconds for calls on their way when we are told to stop
PAUSE = 1.0  # seconds until the database is tried again

log = structlog.get_logger()


class Sender:
    """Sends until told to stop; `news` is set when something was put into the outbox."""

    def __init__(self, bot: Bot, database: Database, news: asyncio.Event, limits: Limits) -> None:
        self._bot, self._database, self._news = bot, database, news
        self._pace = Pace(limits)
        self._calls: set[asyncio.Task[None]] = set()
        self._taken: dict[int, Parcel] = {}  # rows whose calls are on their way, or over and not written down
        self._ended: list[tuple[Parcel, Outcome]] = []
        self._unclear: Counter[int] = Counter()  # for each row, how often nobody knew whether it was sent
        self._broken: BaseException | None = None  # what no call can do anything about

    async def follow(self, stopping: asyncio.Event) -> None:
        """Send what is there and what comes. Raises InvalidToken."""
        while not stopping.is_set():
            try:
                async with AsyncExitStack() as stack:
                    entering = stack.enter_async_context(self._database.hold("sender"))
                    if held := await unless(stopping, entering):
                        await self._lead(held, stopping)
            except DatabaseUnavailable as error:
                log.error("outbox_not_read", reason=str(error), pause=PAUSE)
                await pause(stopping, PAUSE)

    async def _lead(self, held: Held, stopping: asyncio.Event) -> None:
        async with held.begin() as session:
            if given_up := await outbox.give_up_begun(session):
                log.error("codes_given_up", count=given_up)
        try:
            while not stopping.is_set():
                self._news.clear()
                await self._wait(stopping, await self._step(held))
            await self._step(held)  # what was put in at the end; what Telegram wants slower waits for the next start
        finally:
            await self._end_calls()
        async with held.begin() as session:
            await self._write_down(session, self._ended)

    async def _step(self, held: Held) -> float | None:
        """Write down what has become of calls and make the next ones; gives when there may be more to do.

        One transaction for both: under load it serves many calls.
        """
        ended = list(self._ended)
        resting = self._pace.resting(time.monotonic())
        async with held.begin() as session:
            await self._write_down(session, ended)
            over = {parcel.id for parcel, _ in ended}
            busy = {parcel.chat_id for number, parcel in self._taken.items() if number not in over}
            free = min(self._pace.free(time.monotonic()), AT_ONCE - len(busy))
            waiting = await outbox.heads(session, busy, free + len(resting))
            ready = [each for each in waiting if each.chat_id not in resting][:free]
            earlier = await journal.replies(session, {each.exchange_id for each in ready if each.exchange_id})
            await outbox.begin(session, [each.id for each in ready if each.kind == "code"])
        del self._ended[: len(ended)]
        for number in over:
            del self._taken[number]
        for parcel in ready:
            self._begin(parcel, earlier.get(parcel.exchange_id or 0, []))
        alarms = [resting[each.chat_id] for each in waiting if each.chat_id in resting]
        if not self._pace.free(time.monotonic()):
            alarms.append(self._pace.free_at())
        return min(alarms, default=None)

    async def _wait(self, stopping: asyncio.Event, until: float | None) -> None:
        """Until there is news, a call is over, or this moment."""
        if self._broken:
            raise self._broken
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until and asyncio.get_running_loop().time() + until - time.monotonic()):
                await unless(stopping, self._news.wait())

    def _begin(self, parcel: Parcel, earlier: list[int]) -> None:
        self._pace.begin(time.monotonic())
        self._taken[parcel.id] = parcel
        task = asyncio.create_task(self._call(parcel, earlier[parcel.part] if parcel.part < len(earlier) else None))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, parcel: Parcel, earlier: int | None) -> None:
        try:
            outcome = await show(self._bot, parcel.chat_id, parcel.method, parcel.parameters, earlier)
        except Exception as error:  # noqa: BLE001 -- told to whoever started us, and the row is kept
            self._broken, outcome = error, Later(type(error).__name__, None)
        now = time.monotonic()
        self._pace.end(parcel.chat_id, parcel.method, now)
        if isinstance(outcome, Later):
            self._pace.rest(parcel.chat_id, now + self._pause(parcel, outcome))
        self._ended.append((parcel, outcome))
        self._news.set()

    def _pause(self, parcel: Parcel, outcome: Later) -> float:
        if outcome.seconds is None:
            self._unclear[parcel.id] += 1
        pause = (
            min(2.0 ** (self._unclear[parcel.id] - 1), LONGEST_PAUSE) if outcome.seconds is None else outcome.seconds
        )
        log.warning("not_sent", message=parcel.id, method=parcel.method, reason=outcome.reason, pause=pause)
        return pause

    async def _write_down(self, session: AsyncSession, ended: list[tuple[Parcel, Outcome]]) -> None:
        for parcel, outcome in ended:
            match outcome:
                case Sent(message_id):
                    await outbox.withdraw(session, parcel.id)
                    if message_id and parcel.exchange_id:
                        await journal.note_reply(session, parcel.exchange_id, parcel.part, message_id)
                case Moved(chat_id):
                    log.warning(
                        "chat_moved", kind=parcel.kind, hint="where it is the staff's: set BICIULIS_STAFF_CHAT anew"
                    )
                    await outbox.move(session, parcel.chat_id, chat_id)
                case Refused() if parcel.otherwise:
                    await outbox.replace(session, parcel)
                case Refused(reason):
                    log.error("not_delivered", message=parcel.id, kind=parcel.kind, reason=reason)
                    await outbox.fail(session, [parcel.id], reason)
                case Later(seconds=None) if parcel.kind == "code":
                    await outbox.fail(session, [parcel.id], "unknown whether sent")
                case Later():
                    await outbox.unbegin(session, parcel.id)
            if not isinstance(outcome, Later):
                self._unclear.pop(parcel.id, None)

    async def _end_calls(self) -> None:
        """Let calls on their way end; what takes too long is made anew at the next start."""
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=LONGEST_FAREWELL)
            for task in late:
                task.cancel()
