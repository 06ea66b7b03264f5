"""A folder of exports as a provider: who is found, what changed, and that a broken file changes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import time_machine
from structlog.testing import capture_logs

from integrations.application_status.case import Applicant, Gone, State, Unavailable
from integrations.application_status.mobility import MobilityFiles, sources
from integrations.application_status.mobility.records import applicant_of
from tests.integrations.application_status.exports import ADA, HEADING, MEI, Exports, states, told
from tests.integrations.application_status.test_mobility_ewp import (
    agreement,
    agreements,
    mobilities,
    mobility,
    proposal,
)

A, M = applicant_of("ada@example.org"), applicant_of("mei@example.org")
NOBODY: frozenset[str] = frozenset()
ACCEPTED = ADA.replace("nominated", "accepted")
HALF = f"{HEADING}\n{MEI}\n1,ada@ex"


async def test_one_person_has_their_cases_of_all_files(exports: Exports, files: MobilityFiles) -> None:
    exports.table(ADA, MEI)
    exports.write("ewp.xml", mobilities(mobility("nomination")))
    at = exports.write("las.xml", agreements(agreement(proposal("x", 11), email="")))
    assert await files.find("ADA@example.ORG") == [Applicant("mobility", A, "Ada@example.org")]
    assert await states(files, A) == {
        "agreement:home.example.org:m-1": State.HOME_SIGNS,
        "mobility:home.example.org:m-1": State.NOMINATED,
        "nominations:1": State.NOMINATED,
    }
    assert {case.as_of for case in await files.look_up(A)} > {at}
    assert await states(files, M) == {"nominations:2": State.ACCEPTED}


async def test_who_is_in_no_file_is_found_nowhere(exports: Exports, files: MobilityFiles) -> None:
    exports.table(ADA)
    assert await files.find("mei@example.org") == []
    with pytest.raises(Gone):
        await files.look_up(M)


async def test_only_those_whose_cases_changed_are_told_of(exports: Exports, files: MobilityFiles) -> None:
    exports.table(ADA, MEI)
    begin = await files.changes(None)
    exports.table(ACCEPTED, MEI, "3,bo@example.org,nominated,Riga,,,,")
    changes = await files.changes(begin.cursor)
    assert told(changes) == ({A, applicant_of("bo@example.org")}, NOBODY)
    assert told(await files.changes(changes.cursor)) == (NOBODY, NOBODY)


async def test_a_new_export_that_says_the_same_is_no_change_but_newer(exports: Exports, files: MobilityFiles) -> None:
    exports.table(ADA)
    begin = await files.changes(None)
    at = exports.table(ADA)
    assert await files.changes(begin.cursor) == begin
    assert [case.as_of for case in await files.look_up(A)] == [at]


async def test_who_vanished_from_all_files_is_purged(exports: Exports, files: MobilityFiles) -> None:
    exports.table(ADA, MEI)
    exports.write("ewp.xml", mobilities(mobility("nomination")))
    begin = await files.changes(None)
    exports.table("9,bo@example.org,nominated,Riga,,,,")
    changes = await files.changes(begin.cursor)
    assert told(changes) == ({A, applicant_of("bo@example.org")}, {M})
    exports.remove("ewp.xml")
    assert told(await files.changes(changes.cursor)) == (NOBODY, {A})


async def test_a_cursor_of_another_kind_makes_everybody_looked_at_and_nobody_purged(
    exports: Exports, files: MobilityFiles
) -> None:
    exports.table(ADA, MEI)
    for cursor in ("", "17", "1.not base 64", "1.AAAA"):
        assert told(await files.changes(cursor)) == ({A, M}, NOBODY)


BROKEN: Mapping[str, str | bytes] = {
    "half": HALF,
    "nothing": "",
    "other columns": "Nr,Post\n1,ada@example.org\n",
    "another encoding": f"{HEADING}\n{MEI}\n".encode("cp1257"),
    "no line right": f"{HEADING}\n1,ada,x,y,,,,\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_table_leaves_everything_as_it_was(
    exports: Exports, files: MobilityFiles, content: str | bytes
) -> None:
    at = exports.table(ADA, MEI)
    begin = await files.changes(None)
    exports.write("nominations.csv", content)
    assert await files.changes(begin.cursor) == begin
    assert [case.as_of for case in await files.look_up(A)] == [at]
    exports.table(ACCEPTED, MEI)
    assert told(await files.changes(begin.cursor)) == ({A}, NOBODY)


async def test_so_does_a_broken_document_profile_or_list_of_connectors(exports: Exports, files: MobilityFiles) -> None:
    exports.table(MEI)
    exports.write("ewp.xml", mobilities(mobility("nomination")))
    begin = await files.changes(None)
    exports.write("ewp.xml", mobilities(mobility("live"))[:-20])
    assert await files.changes(begin.cursor) == begin
    exports.write("nominations.yaml", "colour: red")
    assert await files.changes(begin.cursor) == begin
    exports.write("connectors.yaml", "- url: x")
    assert await files.changes(begin.cursor) == begin


async def test_a_table_that_is_being_replaced_and_a_folder_that_is_away_purge_nobody(
    exports: Exports, files: MobilityFiles
) -> None:
    exports.table(ADA)
    exports.write("ewp.xml", mobilities())
    begin = await files.changes(None)
    exports.remove("nominations.csv")
    assert await files.changes(begin.cursor) == begin
    exports.remove("nominations.yaml")
    exports.remove("ewp.xml")
    assert await files.changes(begin.cursor) == begin
    with exports.away():
        assert await files.changes(begin.cursor) == begin


async def test_somebody_whose_line_became_wrong_is_neither_told_nor_purged(
    exports: Exports, files: MobilityFiles
) -> None:
    exports.table(ADA, MEI)
    begin = await files.changes(None)
    exports.table(ADA.replace("2026-11-02", "soon"), MEI)
    assert await files.changes(begin.cursor) == begin
    with pytest.raises(Unavailable):
        await files.look_up(A)
    exports.table(MEI)
    assert told(await files.changes(begin.cursor)) == (NOBODY, {A})


async def test_nobody_is_purged_as_long_as_another_file_cannot_be_read(exports: Exports, files: MobilityFiles) -> None:
    exports.table(MEI)
    exports.write("ewp.xml", mobilities(mobility("nomination")))
    begin = await files.changes(None)
    exports.remove("ewp.xml")
    exports.write("nominations.csv", HALF)
    assert await files.changes(begin.cursor) == begin
    with pytest.raises(Unavailable):
        await files.look_up(A)
    exports.table(MEI)
    assert told(await files.changes(begin.cursor)) == (NOBODY, {A})


async def test_nothing_is_answered_before_every_file_was_read(exports: Exports, files: MobilityFiles) -> None:
    for content in ((), ("nominations.csv", HALF)):
        if content:
            exports.table()
            exports.write(*content)
        for asking in (files.find("mei@example.org"), files.look_up(M), files.changes(None)):
            with pytest.raises(Unavailable):
                await asking
        assert not await files.is_ready()
    exports.table(MEI)
    exports.write("ewp.xml", mobilities(mobility("nomination"))[:-9])
    assert not await files.is_ready()  # half of the cases would look like all
    exports.write("ewp.xml", mobilities(mobility("nomination")))
    assert await files.is_ready()


async def test_a_new_file_that_is_not_whole_yet_keeps_the_old_view(exports: Exports, files: MobilityFiles) -> None:
    exports.table(MEI)
    begin = await files.changes(None)
    exports.write("ewp.xml", mobilities(mobility("nomination"))[:-9])
    assert await files.changes(begin.cursor) == begin
    exports.write("ewp.xml", mobilities(mobility("nomination")))
    assert told(await files.changes(begin.cursor)) == ({A}, NOBODY)


async def test_a_file_is_read_only_when_its_time_or_size_changed(exports: Exports, files: MobilityFiles) -> None:
    at = exports.table(ADA)
    assert list((await states(files, A)).values()) == [State.NOMINATED]
    path = exports.folder / "nominations.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("nominated", "accepted "), encoding="utf-8")
    os.utime(path, (at.timestamp(), at.timestamp()))
    assert list((await states(files, A)).values()) == [State.NOMINATED]
    os.utime(path, (at.timestamp() + 1, at.timestamp() + 1))
    assert list((await states(files, A)).values()) == [State.ACCEPTED]


async def test_a_file_that_changed_a_moment_ago_is_waited_for(exports: Exports, files: MobilityFiles) -> None:
    exports.table(ADA)
    os.utime(exports.folder / "nominations.csv")
    with time_machine.travel(time.time() + 1, tick=False), pytest.raises(Unavailable):
        await files.look_up(A)
    with time_machine.travel(time.time() + 3, tick=False):
        assert list((await states(files, A)).values()) == [State.NOMINATED]


async def test_a_file_that_changes_while_it_is_read_is_waited_for(
    exports: Exports, files: MobilityFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports.table(ADA)

    read_file = sources.read_file

    def read_slowly(path: Path) -> sources.Content:
        content = read_file(path)
        exports.table(ACCEPTED)
        return content

    with monkeypatch.context() as patch:
        patch.setattr(sources, "read_file", read_slowly)
        with pytest.raises(Unavailable):
            await files.look_up(A)
    assert list((await states(files, A)).values()) == [State.ACCEPTED]


async def test_a_changed_profile_is_used_at_once(exports: Exports, files: MobilityFiles) -> None:
    exports.table(ADA)
    assert list((await states(files, A)).values()) == [State.NOMINATED]
    text = (exports.folder / "nominations.yaml").read_text(encoding="utf-8")
    exports.write("nominations.yaml", text.replace("nominated: nominated", "nominated: under_review"))
    assert list((await states(files, A)).values()) == [State.UNDER_REVIEW]


async def test_of_two_documents_on_one_mobility_the_newer_counts(exports: Exports, files: MobilityFiles) -> None:
    exports.write("b.xml", mobilities(mobility("pending"), version=3))
    exports.write("a.xml", mobilities(mobility("approved"), version=3))
    assert list((await states(files, A)).values()) == [State.ACCEPTED]


async def test_a_mobility_comes_to_be_under_way_with_the_day(exports: Exports, files: MobilityFiles) -> None:
    exports.write("a.xml", mobilities(mobility("live", more="<planned-arrival-date>2027-02-01</planned-arrival-date>")))
    with time_machine.travel("2027-01-31T12:00:00+02:00"):
        begin = await files.changes(None)
    with time_machine.travel("2027-02-01T00:01:00+02:00"):
        assert told(await files.changes(begin.cursor)) == ({A}, NOBODY)
        assert list((await states(files, A)).values()) == [State.ONGOING]


async def test_the_log_says_how_many_and_nothing_personal(exports: Exports, files: MobilityFiles) -> None:
    exports.table(
        MEI, "4,mei@example.org,Zaphod,Köln,,,,", "5,bo@example.org", "6,ada@example.org,mei@example.org,X,,,,"
    )
    with capture_logs() as logs:
        await files.look_up(M)
        exports.write("nominations.csv", HALF)
        await files.look_up(M)
        await files.look_up(M)
    told_once = {"event": "mobility_not_read", "file": "nominations.csv", "line": 3, "field": "file", "problems": 1}
    assert logs == [
        {
            "event": "mobility_unknown_word",
            "file": "nominations.csv",
            "word": "Zaphod",
            "log_level": "warning",
        },
        {"event": "mobility_read", "file": "nominations.csv", "cases": 3, "problems": 3, "log_level": "info"},
        told_once | {"reason": "ends within a line: it is not whole", "log_level": "warning"},
    ]


async def test_another_system_needs_a_profile_and_no_program(exports: Exports, files: MobilityFiles) -> None:
    for path in Path("integrations/application_status/mobility/examples").iterdir():  # noqa: ASYNC240 -- four names
        exports.write(path.name, path.read_bytes())
    assert await states(files, A) == {"nominations:2026-0101": State.NOMINATED, "wyjazdy:W/7": State.STUDENT_SIGNS}


async def test_a_file_that_is_too_large_is_not_read(
    exports: Exports, files: MobilityFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports.table(ADA)
    monkeypatch.setattr(sources, "LARGEST", 100)
    with pytest.raises(Unavailable, match="too large"):
        await files.find("ada@example.org")
