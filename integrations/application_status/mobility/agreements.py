"""Where a learning agreement stands: no document says it, it follows from who has signed what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from integrations.application_status.case import Case, State
from integrations.application_status.mobility.records import Agreement, Reply, Version

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def settle(agreement: Agreement, replies: Iterable[Reply]) -> Case:
    """The case of an agreement, with what its host said of its proposals."""
    state, since, remark = _settle(agreement, _last_reply(agreement.proposal, replies))
    return replace(agreement.record.case, state=state, since=since, remark=remark)


def _settle(agreement: Agreement, reply: Reply | None) -> tuple[State, datetime | None, str]:
    proposal, is_change = agreement.proposal, bool(agreement.first or agreement.changes)
    if proposal is None:
        newest = agreement.changes or agreement.first
        state = State.CHANGES_AGREED if agreement.changes else State.AGREED if agreement.first else State.UNKNOWN
        return state, _last_signature(newest), ""
    if reply and reply.comment is not None:
        return State.CHANGES_ASKED, reply.at, reply.comment
    # The host's approval has the meaning of its signature.
    if (reply or proposal.receiving) and proposal.student and proposal.sending:
        since = reply.at if reply else _last_signature(proposal)
        return State.CHANGES_AGREED if is_change else State.AGREED, since, ""
    if is_change:
        return State.CHANGES_WAIT, _last_signature(proposal), ""
    if proposal.student is None:
        return State.STUDENT_SIGNS, None, ""
    if proposal.sending is None:
        return State.HOME_SIGNS, proposal.student.at, ""
    return State.HOST_SIGNS, _last_signature(proposal), ""


def _last_reply(proposal: Version | None, replies: Iterable[Reply]) -> Reply | None:
    """What the host said last of this very proposal: its id changes with its content."""
    fitting = [reply for reply in replies if proposal and proposal.id and reply.proposal == proposal.id]
    return max(fitting, key=lambda reply: reply.at or LONG_AGO, default=None)


def _last_signature(version: Version | None) -> datetime | None:
    signatures = (version.student, version.sending, version.receiving) if version else ()
    return max((signed.at for signed in signatures if signed and signed.at), default=None)
