"""The documents of Erasmus Without Paper: what of them is read, and where a learning agreement stands."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.application_status.case import Case, Kind, State
from integrations.application_status.mobility.ewp import read_ewp
from integrations.application_status.mobility.known import Known, merge
from integrations.application_status.mobility.records import Problem, Reading, Unreadable, applicant_of

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TODAY = NOW.date()
ADA = applicant_of("ada@example.org")
SPECIFICATION = "https://github.com/erasmus-without-paper/ewp-specs-api-"
STUDENT = """<student><given-names>Ada</given-names><family-name>Eksempel</family-name>
  <global-id>urn:schac:personalUniqueCode:int:esi:home.example.org:17</global-id><birth-date>2004-02-29</birth-date>
  <citizenship>NO</citizenship><gender>2</gender>{email}</student>"""
EMAIL = "<email>Ada@example.org</email>"


def mobilities(*inside: str, version: int = 2) -> str:
    space = f"{SPECIFICATION}omobilities/blob/stable-v{version}/endpoints/get-response.xsd"
    return f'<omobilities-get-response xmlns="{space}">{"".join(inside)}</omobilities-get-response>'


def mobility(status: str, *, id_: str = "m-1", email: str = EMAIL, more: str = "") -> str:
    return f"""<student-mobility><omobility-id>{id_}</omobility-id>
        <sending-hei><hei-id>home.example.org</hei-id></sending-hei>
        <receiving-hei><hei-id>host.example.org</hei-id></receiving-hei>
        {STUDENT.format(email=email)}<status>{status}</status>{more}</student-mobility>"""


def agreements(*inside: str) -> str:
    space = f"{SPECIFICATION}omobility-las/blob/stable-v1/endpoints/get-response.xsd"
    root = "las:omobility-las-get-response"
    return f'<{root} xmlns:las="{space}" xmlns="{space}">{"".join(inside)}</{root}>'


def agreement(*versions: str, email: str = EMAIL) -> str:
    contact = "<contact-person><given-names>Bo</given-names><email>office@example.org</email></contact-person>"
    return f"""<la><omobility-id>m-1</omobility-id>
        <sending-hei><hei-id>home.example.org</hei-id>{contact}</sending-hei>
        <receiving-hei><hei-id>host.example.org</hei-id>{contact}</receiving-hei>
        {STUDENT.format(email=email)}{"".join(versions)}</la>"""


def signature(who: str, day: int) -> str:
    return f"""<{who}-signature><signer-email>signer@example.org</signer-email>
        <timestamp>2026-11-{day:02}T10:00:00+02:00</timestamp></{who}-signature>"""


def version(name: str, *days: int, id_: str = "") -> str:
    """A version that the student, then the home, then the host signed on these days."""
    signed = "".join(map(signature, ("student", "sending-hei", "receiving-hei"), days))
    courses = "<components-studied><component><title>Logic</title></component></components-studied>"
    return f'<{name} id="{id_}">{courses}{signed}</{name}>'


def proposal(id_: str, *days: int) -> str:
    return version("changes-proposal", *days, id_=id_)


def request(what: str, proposal_id: str, day: int, comment: str = "") -> str:
    space = f"{SPECIFICATION}omobility-las/blob/stable-v1/endpoints/update-request.xsd"
    said = f"<comment>{comment}</comment>" if comment else ""
    return f"""<omobility-las-update-request xmlns="{space}"><sending-hei-id>home.example.org</sending-hei-id>
        <{what}-proposal-v1><omobility-id>m-1</omobility-id><changes-proposal-id>{proposal_id}</changes-proposal-id>
        {said}{signature("x", day).replace("x-signature", "signature")}</{what}-proposal-v1>
        </omobility-las-update-request>"""


def on(day: int) -> datetime:
    return datetime(2026, 11, day, 10, tzinfo=timezone(timedelta(hours=2)))


def read(text: str) -> Reading:
    return read_ewp(text.encode(), "ewp.xml", NOW)


def known(*documents: str, today: date = TODAY) -> Known:
    readings = [read_ewp(text.encode(), f"{number}.xml", NOW) for number, text in enumerate(documents)]
    return merge(readings, today)


def stands(*documents: str, today: date = TODAY) -> tuple[State, datetime | None, str]:
    """Where the one case of the documents stands, since when, and what was said."""
    [case] = known(*documents, today=today).cases[ADA]
    return case.state, case.since, case.remark


def test_a_mobility_is_a_nomination_of_whose_address_it_has() -> None:
    found = known(mobilities(mobility("nomination")))
    assert found.cases == {
        ADA: (
            Case(
                "mobility",
                "mobility:home.example.org:m-1",
                Kind.NOMINATION,
                State.NOMINATED,
                "host.example.org",
                None,
                NOW,
            ),
        )
    }
    assert found.applicants[ADA].email == "Ada@example.org"


@pytest.mark.parametrize(
    ("number", "status", "state"),
    [
        (2, "nomination", State.NOMINATED),
        (2, "live", State.ONGOING),
        (2, "recognized", State.FINISHED),
        (2, "cancelled", State.CANCELLED),
        (3, "pending", State.NOMINATED),
        (3, "approved", State.ACCEPTED),
        (3, "rejected", State.REJECTED),
        (3, "cancelled", State.CANCELLED),
        (9, "approved", State.ACCEPTED),
        (9, "beamed-up", State.UNKNOWN),
    ],
)
def test_the_words_of_both_versions(number: int, status: str, state: State) -> None:
    text = mobilities(mobility(status), version=number)
    assert stands(text) == (state, None, "")
    assert read(text).unknown == ({"beamed-up"} if state is State.UNKNOWN else set())


@pytest.mark.parametrize(
    ("today", "state"),
    [(date(2027, 1, 31), State.ACCEPTED), (date(2027, 2, 1), State.ONGOING), (date(2027, 2, 2), State.ONGOING)],
)
def test_nobody_is_under_way_before_they_arrive(today: date, state: State) -> None:
    text = mobilities(mobility("live", more="<planned-arrival-date>2027-02-01</planned-arrival-date>"))
    assert stands(text, today=today)[0] is state


FIRST = version("first-version", 18, 19, 20)
CHANGES = version("approved-changes", 21, 22, 23)
# As in the specification's scenario: what lies there at each step, and what the student is told.
SCENARIO: Sequence[tuple[str, list[str], tuple[State, datetime | None, str]]] = [
    ("begun", [agreement(proposal("A"))], (State.STUDENT_SIGNS, None, "")),
    ("student signed", [agreement(proposal("A", 11))], (State.HOME_SIGNS, on(11), "")),
    ("1 home signed", [agreement(proposal("A", 11, 13))], (State.HOST_SIGNS, on(13), "")),
    (
        "2 host comments",
        [agreement(proposal("A", 11, 13)), request("comment", "A", 16, "Take Mining.")],
        (State.CHANGES_ASKED, on(16), "Take Mining."),
    ),
    (
        "3 second proposal",
        [agreement(proposal("B", 18, 19)), request("comment", "A", 16, "Take Mining.")],
        (State.HOST_SIGNS, on(19), ""),
    ),
    (
        "4 host approves",
        [
            agreement(proposal("B", 18, 19)),
            request("comment", "A", 16, "Take Mining."),
            request("approve", "B", 20),
        ],
        (State.AGREED, on(20), ""),
    ),
    ("5 first version", [agreement(FIRST), request("approve", "B", 20)], (State.AGREED, on(20), "")),
    ("6 changes proposed", [agreement(FIRST, proposal("C", 21, 22))], (State.CHANGES_WAIT, on(22), "")),
    (
        "7 host approves",
        [agreement(FIRST, proposal("C", 21, 22)), request("approve", "C", 23)],
        (State.CHANGES_AGREED, on(23), ""),
    ),
    (
        "8 changed, more proposed",
        [agreement(FIRST, CHANGES, proposal("D", 24)), request("approve", "C", 23)],
        (State.CHANGES_WAIT, on(24), ""),
    ),
    (
        "9 host comments",
        [agreement(FIRST, CHANGES, proposal("D", 24, 24)), request("comment", "D", 25, "Not in English.")],
        (State.CHANGES_ASKED, on(25), "Not in English."),
    ),
    (
        "10 another proposal",
        [agreement(FIRST, CHANGES, proposal("E", 26, 26)), request("comment", "D", 25, "Not in English.")],
        (State.CHANGES_WAIT, on(26), ""),
    ),
    (
        "11 host approves",
        [
            agreement(FIRST, CHANGES, proposal("E", 26, 26)),
            request("comment", "D", 25, "Not in English."),
            request("approve", "E", 27),
        ],
        (State.CHANGES_AGREED, on(27), ""),
    ),
    (
        "12 final",
        [agreement(FIRST, version("approved-changes", 26, 26, 27))],
        (State.CHANGES_AGREED, on(27), ""),
    ),
    (
        "a comment, then an approval of the same",
        [agreement(proposal("A", 11, 13)), request("approve", "A", 17), request("comment", "A", 16, "Wait.")],
        (State.AGREED, on(17), ""),
    ),
    ("all signed a proposal", [agreement(proposal("A", 11, 13, 14))], (State.AGREED, on(14), "")),
    ("no version at all", [agreement()], (State.UNKNOWN, None, "")),
]


@pytest.mark.parametrize(("documents", "expected"), [step[1:] for step in SCENARIO], ids=[step[0] for step in SCENARIO])
def test_where_a_learning_agreement_stands(documents: list[str], expected: tuple[State, datetime | None, str]) -> None:
    texts = [text if text.startswith("<omobility") else agreements(text) for text in documents]
    assert stands(*texts) == expected
    assert stands(*reversed(texts)) == expected


def test_a_comment_on_somebody_elses_agreement_is_not_theirs() -> None:
    other = request("comment", "A", 16, "No.").replace("home.example.org", "elsewhere.example.org")
    assert stands(agreements(agreement(proposal("A", 11, 13))), other)[0] is State.HOST_SIGNS


def test_an_agreement_without_address_belongs_to_whom_its_mobility_belongs() -> None:
    texts = [agreements(agreement(FIRST, email="")), mobilities(mobility("live"))]
    for order in (texts, texts[::-1]):
        assert [(case.kind, case.state) for case in known(*order).cases[ADA]] == [
            (Kind.LEARNING_AGREEMENT, State.AGREED),
            (Kind.NOMINATION, State.ONGOING),
        ]


def test_without_address_and_mobility_it_is_nobodys_and_reported() -> None:
    found = known(agreements("\n", agreement(FIRST, email="")), mobilities(mobility("live", id_="m-2")))
    assert [case.kind for case in found.cases[ADA]] == [Kind.NOMINATION]
    assert found.problems == (Problem("0.xml", 2, "email", "missing, and no mobility of this id has one"),)


def strings(value: Any) -> list[str]:
    """Every text inside a value."""
    if isinstance(value, str):
        return [value]
    if is_dataclass(value):
        return [text for each in fields(value) for text in strings(getattr(value, each.name))]
    return [text for each in value for text in strings(each)] if isinstance(value, tuple | frozenset) else []


def test_of_people_only_the_students_address_is_read() -> None:
    readings = read(mobilities(mobility("live"))), read(agreements(agreement(FIRST, proposal("A", 11))))
    found = {text for reading in readings for text in strings(reading)}
    assert found == {
        *("ewp.xml", "mobility", "nomination", "ongoing", "learning_agreement", "unknown", "", "A", "m-1"),
        *("mobility:home.example.org:m-1", "agreement:home.example.org:m-1"),
        *("home.example.org", "host.example.org", "Ada@example.org"),
    }


def test_a_wrong_mobility_is_left_out_and_reported() -> None:
    found = read(mobilities(mobility("live"), mobility("live", id_="", email="<email>mei@example.org</email>")))
    assert [record.email for record in found.records] == ["Ada@example.org"]
    assert [(each.field, each.message) for each in found.problems] == [("omobility-id", "missing")]
    assert found.spoilt == {applicant_of("mei@example.org")}


def test_of_two_with_one_id_the_later_counts_and_it_is_reported() -> None:
    found = read(mobilities(mobility("nomination"), mobility("cancelled")))
    assert [record.case.state for record in found.records] == [State.CANCELLED]
    assert [(each.field, each.message) for each in found.problems] == [
        ("omobility-id", "stands here a second time: the later one counts")
    ]


def test_a_signature_whose_time_cannot_be_read_is_one() -> None:
    text = agreements(agreement(proposal("A", 11)).replace("2026-11-11T10:00:00+02:00", "yesterday"))
    assert stands(text) == (State.HOME_SIGNS, None, "")
    assert [(each.field, each.message) for each in read(text).problems] == [("timestamp", "no date and time")]


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("", "ewp.xml:1: file: not valid XML, or not whole"),
        (mobilities(mobility("live"))[:-40], "ewp.xml:6: file: not valid XML, or not whole"),
        ("<error-response><developer-message>x</developer-message></error-response>", "ewp.xml:1: file: none of the"),
        (mobilities(mobility("live", email="")), "ewp.xml:1: email: is no e-mail address"),
        (
            '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]>' + mobilities(mobility("&c;")),
            "ewp.xml:1: file: has a document type or entities, which are refused",
        ),
        (
            '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>' + mobilities(mobility("&b;")),
            "ewp.xml:1: file: has a document type or entities, which are refused",
        ),
        ('<!DOCTYPE a SYSTEM "https://example.org/a.dtd"><a/>', "ewp.xml:1: file: has a document type or entities"),
    ],
    ids=["empty", "cut", "error", "nothing right", "bomb", "a file", "a document type"],
)
def test_what_is_no_document_of_ours_cannot_be_used(text: str, reported: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read(text)
    assert str(raised.value).startswith(reported)


@given(content=st.binary(max_size=100), at=st.integers(0, 2000))
def test_no_bytes_end_the_reader(content: bytes, at: int) -> None:
    whole = mobilities(mobility("live")).encode()
    with suppress(Unreadable):
        read_ewp(whole[:at] + content + whole[at:], "ewp.xml", NOW)
