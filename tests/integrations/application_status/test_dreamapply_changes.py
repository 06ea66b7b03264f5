"""What has changed in DreamApply: its journal, and its list of who was deleted."""

from __future__ import annotations

from datetime import datetime

from integrations.application_status.dreamapply import DreamApply
from integrations.application_status.stand_in import StandIn
from integrations.application_status.stand_in.faults import Fault
from integrations.application_status.stand_in.records import Purged


async def test_changes_are_those_after_the_cursor(dreamapply: DreamApply, stand_in: StandIn) -> None:
    office, records = stand_in.office, stand_in.records
    begin = await dreamapply.changes(None)
    ada, bruno, chloe = (records.applicant(f"{name}@example.org") for name in ("ada", "bruno", "chloe"))
    [application] = records.applications_of(ada.id)
    office.resolve_task(application.id, application.open_tasks[0].id)
    office.change_status(records.applications_of(chloe.id)[0].id, "Withdrawn")
    office.purge(bruno.id)
    office.change_email(ada.id, "ada@other.example.org")  # of no interest
    first = await dreamapply.changes(begin.cursor)
    second = await dreamapply.changes(first.cursor)
    assert (first.applicants, first.purged) == ({str(ada.id), str(chloe.id)}, {str(bruno.id)})
    assert (second.applicants, second.purged) == (frozenset(), frozenset())
    assert "byEvents=Offer+was+edited%3A+%3F%2COffer+was+confirmed%2C" in stand_in.calls[-2]
    assert stand_in.calls[-2].endswith(f"&bySince={records.journal[-2].id + 1}&order=oldest-first&limit=1024")


async def test_who_was_deleted_is_told_without_the_journal(
    dreamapply: DreamApply, stand_in: StandIn, now: datetime
) -> None:
    begin = await dreamapply.changes(None)
    number = max(each.number for each in stand_in.records.purged) + 1
    for kind, id_ in (("Application", 900), ("Applicant", 901)):
        stand_in.records.purged.append(Purged(number + id_, kind, id_, now))
    first = await dreamapply.changes(begin.cursor)
    second = await dreamapply.changes(first.cursor)
    assert [(each.applicants, each.purged) for each in (first, second)] == [
        (frozenset(), {"901"}),
        (frozenset(), frozenset()),
    ]


async def test_more_changes_than_an_answer_holds_are_read_one_answer_at_a_time(
    dreamapply: DreamApply, stand_in: StandIn
) -> None:
    begin = await dreamapply.changes(None)
    ada, bruno = (stand_in.records.applicant(f"{name}@example.org").id for name in ("ada", "bruno"))
    applications = [stand_in.records.applications_of(each)[0].id for each in (ada, bruno)]
    for application in [applications[0]] * 1024 + [applications[1]]:
        stand_in.office.add_task(application, "checklist-cv")
    first = await dreamapply.changes(begin.cursor)
    second = await dreamapply.changes(first.cursor)
    assert [first.applicants, second.applicants] == [{str(ada)}, {str(bruno)}]


async def test_the_deleted_are_followed_from_page_to_page(dreamapply: DreamApply, stand_in: StandIn) -> None:
    """The stand-in has one page, so the pages are what it is told to answer."""

    def page(of: int, *numbers: int) -> Fault:
        entries = "".join(f', "{number}": {{"id": {100 + number}, "type": "Applicant"}}' for number in numbers)
        return Fault(200, f'{{"pages": {{"total": {of}}}{entries}}}'.encode())

    nothing = Fault(200, b"[]")
    stand_in.faults.next(nothing, page(2, 1, 2), page(2, 3))
    changes = await dreamapply.changes(None)
    purged = []
    for answer in (page(2, 3), page(4, 3, 4), page(4, 5, 6), page(4, 7), page(4, 7, 8)):
        stand_in.faults.next(nothing, answer)
        changes = await dreamapply.changes(changes.cursor)
        purged.append(changes.purged)
    assert purged == [set(), {"104"}, {"105", "106"}, {"107"}, {"108"}]
    assert [call.rpartition("=")[2] for call in stand_in.calls if "page=" in call] == ["2", "2", "2", "3", "4", "4"]
