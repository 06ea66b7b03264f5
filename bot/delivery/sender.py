"""Sends what the outbox holds: many chats at once, each in order, at Telegram's pace.

Over all processes one sends at a time: only so the limits hold and the order in a chat is kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Bot
from telegram.error import InvalidToken

from bot import journal
from bot.delivery import outbox
from bot.delivery.calls import CHANGING, Gone, Later, Moved, Outcome, Refused, Sent, call, change
from bot.delivery.outbox import Parcel
from bot.delivery.pace import WRITING, Limits, Pace
from bot.operations import figures
from bot.stopping import pause, unless
from integrations.database import Database, DatabaseUnavailable, Held, utc_now

AT_ONCE = 64  # calls on their way
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two attempts to send the same
LONGEST_FAREWELL = 6.0  # seconds for calls on their way when we are told to stop
PAUSE = 1.0  # seconds until the database is tried again

log = structlog.get_logger()


class Sender:
    """Sends until told to stop; `news` is set when something was put into the outbox."""

    def __init__(self, bot: Bot, database: Database, news: asyncio.Event, limits: Limits) -> None:
        self._bot, self._database, self._news = bot, database, news
        self._pace = Pace(limits)
        self._calls: set[asyncio.Task[None]] = set()
        self._busy: set[int] = set()  # chats whose calls are on their way, or over and not written down
        self._ended: list[tuple[Parcel, Outcome]] = []
        self._unclear: Counter[int] = Counter()  # for each row, how often nobody knew whether it was sent
        self._revoked: InvalidToken | None = None

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
        await self._settle(held)
        try:
            while not (stopping.is_set() or self._revoked):
                self._news.clear()
                await self._wait(stopping, await self._step(held))
            await self._step(held)  # what was put in at the end; what Telegram wants slower waits for the next start
        finally:
            await self._end_calls()
        await self._settle(held)
        if self._revoked:
            raise self._revoked

    async def _settle(self, held: Held) -> None:
        """While no call is on its way: nothing stays half done, be it ours or that of who led before."""
        async with held.begin() as session:
            await self._write_down(session, self._ended)
            given_up = await outbox.give_up_begun(session)
        self._ended.clear()
        self._busy.clear()
        if given_up:
            log.error("codes_given_up", count=given_up)

    async def _step(self, held: Held) -> float | None:
        """Write down what has become of calls and make the next ones; gives when there may be more to do.

        One transaction for both: under load it serves many calls. Calls that end meanwhile are for the next step.
        """
        now, ended = self._now(), list(self._ended)
        resting = self._pace.resting(now)
        busy = self._busy - {parcel.chat_id for parcel, _ in ended}
        free = min(self._pace.free(now), AT_ONCE - len(busy))
        async with held.begin() as session:
            await self._write_down(session, ended)
            ready = await outbox.heads(session, busy | resting.keys(), free) if free else []
            earlier = await journal.replies(session, {each.exchange_id for each in ready if each.exchange_id})
            await outbox.begin(session, [each.id for each in ready if each.kind == "code"])
        del self._ended[: len(ended)]
        self._busy = busy | {each.chat_id for each in ready}
        for each in ready:
            self._begin(each, earlier.get(each.exchange_id or 0, []))
        if free and not (self._busy or resting):
            self._unclear.clear()  # nothing waits, also nothing whose person was forgotten
        alarms = list(resting.values())
        if len(ready) == free and len(self._busy) < AT_ONCE:
            alarms.append(self._pace.free_at())
        return min(alarms, default=None)

    async def _wait(self, stopping: asyncio.Event, until: float | None) -> None:
        """Until there is news, a call is over, or this moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await unless(stopping, self._news.wait())

    def _begin(self, parcel: Parcel, earlier: Sequence[int]) -> None:
        self._pace.begin(self._now())
        figures.OUTBOX_WAIT.observe((utc_now() - parcel.put_at).total_seconds())
        in_place = earlier[parcel.part] if parcel.method == WRITING and parcel.part < len(earlier) else 0
        task = asyncio.create_task(self._call(parcel, in_place))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, parcel: Parcel, in_place: int) -> None:
        """Make the call; a message that takes the place of another changes that one, where it is not gone."""
        outcome: Outcome
        try:
            if in_place:
                outcome = await change(self._bot, parcel.chat_id, in_place, parcel.parameters)
            else:
                outcome = await call(self._bot, parcel.chat_id, parcel.method, parcel.parameters)
        except InvalidToken as error:
            self._revoked, outcome = error, Later(type(error).__name__, None)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the row is kept and others are sent
            outcome = Later(type(error).__name__, None)
        now = self._now()
        self._pace.end(parcel.chat_id, CHANGING if in_place else parcel.method, now)
        if isinstance(outcome, Later):
            self._pace.rest(parcel.chat_id, now + self._pause(parcel, outcome))
        self._ended.append((parcel, outcome))
        self._news.set()

    def _pause(self, parcel: Parcel, outcome: Later) -> float:
        seconds = outcome.seconds
        if seconds is None:
            seconds = min(FIRST_PAUSE * 2 ** self._unclear[parcel.id], LONGEST_PAUSE)
            self._unclear[parcel.id] = min(self._unclear[parcel.id] + 1, 10)
        log.warning("not_sent", message=parcel.id, method=parcel.method, reason=outcome.reason, pause=seconds)
        return seconds

    async def _write_down(self, session: AsyncSession, ended: Sequence[tuple[Parcel, Outcome]]) -> None:
        shown: dict[tuple[int, int], int] = {}
        for parcel, outcome in ended:
            if isinstance(outcome, Sent) and outcome.message_id and parcel.exchange_id:
                shown[parcel.exchange_id, parcel.part] = outcome.message_id
            elif isinstance(outcome, Gone) and parcel.exchange_id:
                shown[parcel.exchange_id, parcel.part] = 0
            elif not isinstance(outcome, Sent):
                await self._write_down_trouble(session, parcel, outcome)
            if not isinstance(outcome, Later):
                self._unclear.pop(parcel.id, None)
        await outbox.withdraw(session, [parcel.id for parcel, outcome in ended if isinstance(outcome, Sent)])
        await journal.note_replies(session, shown)

    async def _write_down_trouble(self, session: AsyncSession, parcel: Parcel, outcome: Outcome) -> None:
        match outcome:
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
            case Later() if parcel.kind == "code":
                await outbox.unbegin(session, parcel.id)

    async def _end_calls(self) -> None:
        """Let calls on their way end; what takes too long is made anew by whoever leads next."""
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=LONGEST_FAREWELL)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _now(self) -> float:
        """On the clock of the event loop, for which `_wait` waits."""
        return asyncio.get_running_loop().time()
