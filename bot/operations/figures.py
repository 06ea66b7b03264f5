"""Figures for Prometheus.

What this process counts is global, as the library wants it; what all processes share is read from the database
when it is asked for. Every label has few values: our methods, our outcomes, the topics, the languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from prometheus_client import REGISTRY, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from bot.conversation.dialogue import Understands
from bot.conversation.reply import Reply
from bot.delivery.waiting import Unsent, read_unsent
from bot.intake.backlog import Backlog, read_backlog
from integrations.database import Database, DatabaseUnavailable
from nlu.client import Unavailable
from nlu.understanding import Understanding

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, of no use to anybody

INBOX_WAIT = Histogram("biciulis_inbox_wait_seconds", "From keeping an update to its claim.")
OUTBOX_WAIT = Histogram("biciulis_outbox_wait_seconds", "From the commit of what is to be sent to its call.")
HANDLING = Histogram("biciulis_handling_seconds", "From the claim of an update to the commit of what it changed.")
TRANSACTION = Histogram("biciulis_transaction_seconds", "The transaction that handles an update.")
NLU = Histogram("biciulis_nlu_seconds", "Asking Rasa what a text means, however that ended.")
NLU_FAILURES = Counter("biciulis_nlu_failures_total", "Texts of which Rasa did not tell the meaning.")
SEND = Histogram("biciulis_send_seconds", "One call of a method of Telegram's, however it ended.", ["method"])
SENDS = Counter("biciulis_sends_total", "Calls of Telegram's methods by how they ended.", ["method", "outcome"])
FLOOD = Counter("biciulis_telegram_429_total", "How often Telegram wanted to be left alone for a while.")
REPLIES = Counter("biciulis_replies_total", "What people got, by topic and language.", ["outcome", "key", "language"])

SendOutcome = Literal["sent", "retried", "refused"]


class TimedNlu:
    """The model, with a watch beside it."""

    def __init__(self, nlu: Understands) -> None:
        self._nlu = nlu

    async def parse(self, text: str) -> Understanding:
        with NLU.time(), NLU_FAILURES.count_exceptions(Unavailable):
            return await self._nlu.parse(text)


def count_reply(reply: Reply) -> None:
    """Call it after the commit. A reply's topic is one of the catalogue's and its language one of ours."""
    REPLIES.labels(reply.outcome, reply.key or "", reply.language).inc()


def count_send(method: str, outcome: SendOutcome) -> None:
    SENDS.labels(method, outcome).inc()


async def write_figures(database: Database) -> bytes:
    """All figures in Prometheus's text format; without those of the database while it is away."""
    try:
        async with database.read() as session:
            waiting = await read_backlog(session), await read_unsent(session)
    except DatabaseUnavailable:
        waiting = None
    return generate_latest(REGISTRY) + generate_latest(_InDatabase(waiting))


class _InDatabase:
    """What waits in the database, as the library collects it. Old figures would be worse than none."""

    def __init__(self, waiting: tuple[Backlog, Unsent] | None) -> None:
        self._waiting = waiting

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("biciulis_database_up", "Whether the database answers.", int(self._waiting is not None))
        if self._waiting is None:
            return
        inbox, outbox = self._waiting
        for name, meaning, value in (
            ("biciulis_inbox_waiting", "Updates that nobody has begun to handle.", inbox.waiting),
            ("biciulis_inbox_in_work", "Updates that are being handled.", inbox.in_work),
            ("biciulis_inbox_oldest_seconds", "Age of the oldest update that is not done with.", inbox.oldest),
            ("biciulis_outbox_waiting", "Messages that are to be sent.", outbox.waiting),
            ("biciulis_outbox_oldest_seconds", "Age of the oldest message that is to be sent.", outbox.oldest),
            ("biciulis_outbox_undeliverable", "Messages given up in the last week.", outbox.undeliverable),
        ):
            yield GaugeMetricFamily(name, meaning, value)
