"""Tables: what of them is told, and what is said of their mistakes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.application_status.case import Case, Kind, State, Task
from integrations.application_status.mobility.known import merge
from integrations.application_status.mobility.profile import Profile, read_profile
from integrations.application_status.mobility.records import Problem, Reading, Record, Unreadable, applicant_of
from integrations.application_status.mobility.table import read_table
from tests.integrations.application_status.exports import ADA, HEADING, MEI, PROFILE

EXAMPLES = Path("integrations/application_status/mobility/examples")
VILNIUS, WARSAW = ZoneInfo("Europe/Vilnius"), ZoneInfo("Europe/Warsaw")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    path = tmp_path_factory.mktemp("profile") / "nominations.yaml"
    path.write_text(PROFILE, encoding="utf-8")
    return read_profile(path)


def read(text: str | bytes, profile: Profile) -> Reading:
    return read_table(text.encode() if isinstance(text, str) else text, profile, "nominations.csv", NOW)


def lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in (HEADING, *lines))


def case(id_: str, state: State, title: str) -> Case:
    return Case("mobility", f"nominations:{id_}", Kind.NOMINATION, state, title, None, NOW)


def problems(text: str | bytes, profile: Profile) -> list[str]:
    """What is reported, whether or not the rest could be used."""
    try:
        return [str(each) for each in read(text, profile).problems]
    except Unreadable as error:
        return [str(each) for each in error.problems]


def example(name: str) -> Reading:
    return read_table((EXAMPLES / f"{name}.csv").read_bytes(), read_profile(EXAMPLES / f"{name}.yaml"), name, NOW)


def test_a_line_is_a_case(profile: Profile) -> None:
    ada = Case(
        "mobility",
        "nominations:1",
        Kind.NOMINATION,
        State.NOMINATED,
        "Tartu",
        datetime(2026, 11, 2, tzinfo=VILNIUS),
        NOW,
        datetime(2026, 12, 1, 23, 59, tzinfo=VILNIUS),
        (Task("passport"), Task("other", "a form")),
        url="https://x.example.org/1",
    )
    assert read(lines(ADA, MEI), profile) == Reading(
        "nominations.csv",
        NOW,
        (Record(ada, "ada@example.org", line=2), Record(case("2", State.ACCEPTED, "Köln"), "mei@example.org", line=3)),
    )


def test_the_example_in_the_manner_of_mobility_online() -> None:
    told = [
        (record.email, record.case.kind, record.case.state, record.case.title, record.case.since, record.case.tasks)
        for record in example("nominations").records
    ]
    nomination = Kind.NOMINATION
    assert told == [
        (
            "ada@example.org",
            nomination,
            State.NOMINATED,
            "Tartu Ülikool",
            datetime(2026, 11, 2, tzinfo=VILNIUS),
            (Task("passport"), Task("transcript")),
        ),
        (
            "Jonas.Example@example.org",
            nomination,
            State.ACCEPTED,
            "Universität zu Köln",
            datetime(2026, 11, 16, tzinfo=VILNIUS),
            (Task("english"), Task("other", "Signed form of the faculty")),
        ),
        (
            "mei@example.org",
            nomination,
            State.FINISHED,
            "Politechnika Śląska",
            datetime(2026, 6, 30, tzinfo=VILNIUS),
            (),
        ),
    ]


def test_the_example_in_the_manner_of_usos() -> None:
    told = [
        (record.email, record.case.kind, record.case.state, record.case.deadline, record.case.tasks)
        for record in example("wyjazdy").records
    ]
    assert told == [
        (
            "ada@example.org",
            Kind.LEARNING_AGREEMENT,
            State.STUDENT_SIGNS,
            datetime(2026, 12, 5, 12, tzinfo=WARSAW),
            (),
        ),
        (
            "olek@example.org",
            Kind.NOMINATION,
            State.ACCEPTED,
            None,
            (Task("passport"), Task("transcript"), Task("other", "zdjęcie, 35 x 45 mm")),
        ),
    ]


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ("2,mei,accepted,Köln,,,,", "email: is no e-mail address"),
        ("2,mei@example.org;x@example.org,accepted,Köln,,,,", "email: is no e-mail address"),
        ("2,mei@example.org,accepted,,,,,", "title: String should have at least 1 character"),
        ("2,mei@example.org,accepted,ada@example.org,,,,", "title: holds an e-mail address"),
        ("2,mei@example.org,accepted,Köln,02.11.2026,,,", "since: not written as the profile says"),
        ("2,mei@example.org,accepted,Köln,,0026-11-02,,", "deadline: not written as the profile says"),
        (
            "2,mei@example.org,accepted,Köln,,,,javascript:alert(1)",
            "url: URL scheme should be 'http' or 'https'",
        ),
        ("2,mei@example.org,accepted,Köln,,,", "file: 7 cells where there are 8 columns"),
        ("2,mei@example.org,accepted,Köln,Bonn,,,,", "file: 9 cells where there are 8 columns"),
        ('2,mei@example.org,accepted,"Uni "K" Köln",,,,', "file: the quotation marks are wrong"),
    ],
)
def test_a_wrong_line_is_left_out_and_reported_without_what_it_says(profile: Profile, line: str, reported: str) -> None:
    found = read(lines(line, ADA), profile)
    assert [str(each) for each in found.problems] == [f"nominations.csv:2: {reported}"]
    assert [record.email for record in found.records] == ["ada@example.org"]


def test_whose_line_is_wrong_is_not_taken_for_deleted(profile: Profile) -> None:
    found = read(lines(ADA, "2,mei@example.org,accepted,Köln,nonsense,,,", "3,<bo@example.org>,x"), profile)
    assert found.spoilt == {applicant_of("mei@example.org"), applicant_of("bo@example.org")}


def test_an_unknown_state_is_told_as_unknown(profile: Profile) -> None:
    found = read(lines("2,mei@example.org,Zaphod,Köln,,,,"), profile)
    assert [record.case for record in found.records] == [case("2", State.UNKNOWN, "Köln")]
    assert (found.unknown, problems(lines("2,mei@example.org,Zaphod,Köln,,,,"), profile)) == (
        {"Zaphod"},
        ["nominations.csv:2: state: a word that the profile does not know"],
    )


def test_of_two_lines_with_one_id_the_later_counts_and_it_is_reported(profile: Profile) -> None:
    found = read(lines(ADA, MEI, "1,ada@example.org,accepted,Riga,,,,"), profile)
    assert [(record.case.id, record.case.title) for record in found.records] == [
        ("nominations:1", "Riga"),
        ("nominations:2", "Köln"),
    ]
    assert found.problems == (Problem("nominations.csv", 4, "id", "stands here a second time: this line counts"),)


@pytest.mark.parametrize(
    "content",
    [
        lines(MEI).encode("utf-8-sig"),
        lines(MEI).replace("\n", "\r\n").encode(),
        lines(MEI).replace("\n", "\r").encode(),
        lines("", MEI, "").encode(),
        lines(MEI).rstrip("\n").encode(),
        lines(MEI.replace("accepted", " Accepted ").replace("Köln", '"Köln"')).encode(),
        lines(MEI).replace("Id,Mail", " id ,MAIL").encode(),
    ],
    ids=["mark", "two signs", "old Macintosh", "empty lines", "no last line end", "spaces", "headings"],
)
def test_the_same_table_written_in_another_way(profile: Profile, content: bytes) -> None:
    assert [record.case for record in read(content, profile).records] == [case("2", State.ACCEPTED, "Köln")]


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        (b"", ["nominations.csv:1: file: empty"]),
        (
            lines(ADA).replace("Mail", "Post").replace("Until", "State").encode(),
            [
                "nominations.csv:1: email: the table has no such column",
                "nominations.csv:1: state: the table has this column twice",
                "nominations.csv:1: deadline: the table has no such column",
            ],
        ),
        (lines(ADA, MEI).encode("cp1257"), ["nominations.csv:3: file: not written in utf-8-sig"]),
        (lines(MEI, ADA)[:-30].encode(), ["nominations.csv:3: file: ends within a line: it is not whole"]),
        (
            (lines(ADA) + '2,mei@example.org,accepted,"Kö').encode(),
            ["nominations.csv:3: file: a quotation mark is not closed, or the file is not whole"],
        ),
        (
            (lines(ADA) + '2,mei@example.org,accepted,"Köln,,,,\n3,bo@example.org,accepted,"Bonn",,,,\n').encode(),
            ["nominations.csv:3: file: a quotation mark is not closed, or the file is not whole"],
        ),
        (lines("1,ada,nominated,Tartu,,,,").encode(), ["nominations.csv:2: email: is no e-mail address"]),
    ],
    ids=["empty", "columns", "encoding", "cut", "cut in a quotation", "swallows lines", "no line is right"],
)
def test_a_table_that_is_not_whole_cannot_be_used(profile: Profile, content: bytes, reported: list[str]) -> None:
    with pytest.raises(Unreadable) as raised:
        read(content, profile)
    assert [str(each) for each in raised.value.problems] == reported


def test_a_cell_that_swallowed_the_next_line_is_not_shown(profile: Profile) -> None:
    swallowing = '2,mei@example.org,accepted,Köln,,,"a form\n3,bo@example.org,accepted,Bonn,,,",'
    found = read(lines(ADA, swallowing), profile)
    assert [record.email for record in found.records] == ["ada@example.org"]
    assert found.spoilt == {applicant_of("mei@example.org"), applicant_of("bo@example.org")}


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ("encoding: rot13", "p.yaml:1: encoding: is no encoding of text, for example utf-8 or cp1257"),
        ("delimiter: ', '", "p.yaml:1: delimiter: String should match pattern '^[^\"\\r\\n]$'"),
        ("colour: red", "p.yaml:1: colour: Extra inputs are not permitted"),
        ("kind: nomination", "p.yaml:3: kind: stands here a second time"),
        ("columns: [", "p.yaml:4: file: not valid YAML"),
    ],
)
def test_a_wrong_profile_is_reported_by_line_and_field(tmp_path: Path, change: str, reported: str) -> None:
    (tmp_path / "p.yaml").write_text(change + "\n" + PROFILE, encoding="utf-8")
    with pytest.raises(Unreadable) as raised:
        read_profile(tmp_path / "p.yaml")
    assert str(raised.value.problems[0]) == reported


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("nominated: nominated", "nominated: nominted", "p.yaml:4: states.nominated: Input should be "),
        ("%Y-%m-%d", "%Y-%m", "p.yaml:6: dates.format: does not say day, month and year"),
        ('"%Y-%m-%d"', '"%d.%m.%Y", zone: Vilnius', "p.yaml:6: dates.zone: is no time zone"),
        ("kind: nomination", "", "p.yaml:1: file: say either `kind`, or `columns: kind` with `kinds`"),
        ("dates: {", "# ", "p.yaml:1: file: `dates` is missing"),
        ("passport: passport", "passport: pasport", "p.yaml:5: tasks.words.passport: Input should be "),
        ("email: Mail, ", "", "p.yaml:3: columns.email: Field required"),
    ],
)
def test_a_wrong_value_of_a_profile_is_reported(tmp_path: Path, old: str, new: str, reported: str) -> None:
    (tmp_path / "p.yaml").write_text(PROFILE.replace(old, new), encoding="utf-8")
    with pytest.raises(Unreadable) as raised:
        read_profile(tmp_path / "p.yaml")
    assert str(raised.value).startswith(reported)


def test_fifty_thousand_lines(profile: Profile) -> None:
    many = [f"{number},p{number}@example.org,nominated,Tartu,2026-11-02,,a form,\n" for number in range(50_000)]
    found = read(lines() + "".join(many), profile)
    known = merge([found], NOW.date())
    cursor = known.compare(None, is_whole=True).cursor
    assert (len(known.cases), found.problems, len(cursor)) == (50_000, (), 1_333_338)


# Text with everything in it that could be taken for the end of a cell, a line or an address.
CELL = st.text(
    st.sampled_from("a@.é\"',;|\n\r\t\0\u2028 -") | st.characters(codec="utf-8"), max_size=40
) | st.sampled_from(
    [
        "\n1,ada@example.org,accepted,Riga,,,,",
        '"',
        '",\n',
        "ada@example.org",
        "2026-11-02",
        "https://x.example.org",
        "=1",
    ]
)
ROW = st.lists(CELL, min_size=8, max_size=8)


def quoted(cells: list[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


@given(cells=ROW, place=st.integers(0, 2))
def test_whatever_stands_in_a_cell_the_other_lines_are_told_as_before(
    profile: Profile, cells: list[str], place: int
) -> None:
    cells[0] = f"x{cells[0]}"  # an id of its own
    others = [ADA, MEI]
    others.insert(place, quoted(cells))
    found = read(lines(*others), profile)
    told = {record.case.id: record for record in found.records}
    of_the_others = {record.case.id: record.case for record in read(lines(ADA, MEI), profile).records}
    assert {id_: told[id_].case for id_ in of_the_others} == of_the_others
    # Nobody gets a case but whose address stands in the cell for addresses.
    assert {record.email for id_, record in told.items() if id_ not in of_the_others} <= {cells[1].strip()}


@given(text=st.text(st.sampled_from('a@.,"\n\r') | st.characters(codec="utf-8"), max_size=80), at=st.integers(0, 60))
def test_text_in_the_middle_of_a_table_shows_nobody_the_case_of_another(profile: Profile, text: str, at: int) -> None:
    table = lines("1,ada@example.org,nominated,TARTU,,,,", "2,mei@example.org,accepted,KOELN,,,,")
    at += len(HEADING)
    try:
        found = read(table[:at] + text + table[at:], profile)
    except Unreadable:
        return
    for record in found.records:
        assert "KOELN" not in record.case.title or record.email != "ada@example.org"
        assert not any("mei@example.org" in task.note for task in record.case.tasks)


@given(content=st.binary(max_size=200))
def test_no_bytes_end_the_reader(profile: Profile, content: bytes) -> None:
    problems(content, profile)
    problems(lines(ADA).encode() + content, profile)


def test_addresses_are_told_apart_as_people_are() -> None:
    assert applicant_of("Ada@Example.org") == applicant_of("ada@example.org")
    assert applicant_of("straße@example.org") != applicant_of("strasse@example.org")
    assert applicant_of("ada+x@example.org") != applicant_of("ada@example.org")
    assert applicant_of("ada@example.org ") != applicant_of("ada@example.org")
