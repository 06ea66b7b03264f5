"""What the university has not sent out stays there, whatever it does and in whatever order.

The histories are played on the stand-in and looked at over HTTP after every step, with all that is logged meanwhile.
"""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from integrations.application_status import Case, State, Unavailable
from integrations.application_status.dreamapply import DreamApply, calls
from integrations.application_status.stand_in import KEY, StandIn
from integrations.application_status.stand_in.applicants import MARKER
from integrations.application_status.stand_in.faults import Fault
from integrations.application_status.stand_in.records import Application, OfferType
from integrations.application_status.stand_in.views import tell_application_record, tell_offer

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
STATES = {
    OfferType.NOMINATED: State.UNDER_REVIEW,
    OfferType.WAITING_LIST: State.UNDER_REVIEW,
    OfferType.ACCEPTED: State.ACCEPTED,
    OfferType.CONDITIONALLY_ACCEPTED: State.CONDITIONAL,
    OfferType.REJECTED: State.REJECTED,
    OfferType.FEEDBACK: State.UNDER_REVIEW,
}
Deed = OfferType | str  # a reply is saved, or "confirm" or "unconfirm"
DEEDS = st.lists(st.one_of(st.sampled_from([*STATES]), st.sampled_from(["confirm", "unconfirm"])), max_size=8)


@dataclass(frozen=True)
class Reply:
    state: State
    comments: str


class University:
    """The stand-in with a clock of its own that goes on by a minute at each look; one applicant is enough."""

    def __init__(self) -> None:
        minutes = count()
        self.stand_in = StandIn(lambda: BEGIN + timedelta(minutes=next(minutes)))
        self.person = self.stand_in.records.applicant("bruno@example.org").id
        self._comments = count()

    def begin(self) -> None:
        """The application comes in, and nothing was replied."""
        self.application.offers = []
        self.stand_in.office.change_status(self.application.id, "Submitted")
        self.saved: Reply | None = None
        self.sent: Reply | None = None

    def do(self, deed: Deed) -> None:
        office, offer = self.stand_in.office, self.application.offers[0].id
        match deed:
            case OfferType():
                comments = f"letter {next(self._comments)} {MARKER}"
                office.save_offer(offer, deed, comments=comments, deadline=BEGIN.date() + timedelta(days=90))
                self.saved = Reply(STATES[deed], comments)
            case "confirm" if self.saved:
                office.confirm_offer(offer)
                self.sent = self.saved
            case "unconfirm":
                office.unconfirm_offer(offer)
                self.sent = None

    @property
    def application(self) -> Application:
        return self.stand_in.records.applications_of(self.person)[0]


@pytest.fixture(scope="module")
async def university() -> AsyncIterator[University]:
    university = University()
    university.stand_in.quota.calls = 1_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "BURST", 1_000_000)
        yield university


@pytest.fixture(scope="module")
async def dreamapply(university: University) -> AsyncIterator[DreamApply]:
    async with university.stand_in.running() as url:
        provider = DreamApply(url, KEY)
        yield provider
        await provider.close()


@contextmanager
def all_logs() -> Iterator[list[str]]:
    """Everything that is logged within, by us and by every library, down to the least."""
    told: list[str] = []
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with capture_logs() as events:
            yield told
        told += [stream.getvalue(), repr(events)]
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def without_times(case: Case) -> Case:
    return replace(case, as_of=BEGIN)


@settings(max_examples=60, deadline=None)
@example(deeds=[OfferType.ACCEPTED])
@example(deeds=[OfferType.WAITING_LIST, "confirm", OfferType.REJECTED])
@example(deeds=[OfferType.ACCEPTED, "confirm", "unconfirm", OfferType.REJECTED])
@given(deeds=DEEDS)
async def test_only_what_was_sent_out_crosses(
    university: University, dreamapply: DreamApply, deeds: list[Deed]
) -> None:
    university.begin()
    before: Case | None = None
    for deed in [None, *deeds]:
        sent = university.sent
        if deed:
            university.do(deed)
        with all_logs() as logs:
            [case] = await dreamapply.look_up(str(university.person))
        assert (case.state, case.remark) == (
            (university.sent.state, university.sent.comments) if university.sent else (State.UNDER_REVIEW, "")
        )
        if before and university.sent == sent and isinstance(deed, OfferType):  # it was only saved: nothing is seen
            assert without_times(replace(case, deadline=None)) == without_times(replace(before, deadline=None))
            assert case.deadline is None
        crossed = repr(replace(case, remark="")) + str(logs)
        assert MARKER not in crossed
        assert not [kind for kind in OfferType if kind.title in crossed]
        before = case


CUTS = st.none() | st.integers(min_value=0, max_value=3000)


@settings(max_examples=40, deadline=None)
@example(deeds=[OfferType.ACCEPTED], cut=None)
@given(deeds=DEEDS, cut=CUTS)
async def test_an_answer_that_breaks_off_says_nothing(
    university: University, dreamapply: DreamApply, deeds: list[Deed], cut: int | None
) -> None:
    """An application's whole record, passport and all, is not what was asked for, and mostly its end is missing."""
    university.begin()
    for deed in deeds:
        university.do(deed)
    applicant = university.stand_in.records.applicants[university.person]
    record = tell_application_record(university.application, applicant)
    offers = [tell_offer(offer) for offer in university.application.offers]
    body = json.dumps({"501": record | {"offers": offers}}).encode()
    university.stand_in.faults.next(Fault(200, body[:cut]))
    with all_logs() as logs, pytest.raises(Unavailable) as raised:
        await dreamapply.look_up(str(university.person))
    chain: list[str] = []
    error: BaseException | None = raised.value
    while error:
        chain += [repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    crossed = "".join(traceback.format_exception(raised.value)) + str(logs) + str(chain)
    assert MARKER not in crossed
    assert not [kind for kind in OfferType if kind.title in crossed]
