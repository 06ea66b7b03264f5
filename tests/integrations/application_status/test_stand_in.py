"""The stand-in keeps to what the documentation of the ninth version says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from integrations.application_status.stand_in import KEY, StandIn
from integrations.application_status.stand_in.applicants import MARKER
from integrations.application_status.stand_in.faults import CLOSED, GARBAGE, NEVER, SERVER_ERROR, slow
from integrations.application_status.stand_in.filters import MOST_EXPANDED, limit
from integrations.application_status.stand_in.office import EVENTS, OFFER_CONFIRMED, OFFER_EDITED
from integrations.application_status.stand_in.records import OfferType
from integrations.application_status.stand_in.serving import serving

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADA, BRUNO, INES, FARID, GRETA = 101, 102, 104, 110, 111
ADAS, BRUNOS = 501, 502
BRUNOS_OFFER = 5021
ALL_EVENTS = ",".join(EVENTS)


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn(lambda: NOON)


@pytest.fixture
async def url(stand_in: StandIn) -> AsyncIterator[str]:
    async with stand_in.running() as url:
        yield url


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    key = {"Authorization": f'DREAM apikey="{KEY}"'}
    async with httpx2.AsyncClient(base_url=f"{url}/api/v9/", headers=key, trust_env=False) as http:
        yield http


async def ids(http: httpx2.AsyncClient, path: str, **query: object) -> list[int]:
    return [int(each) for each in (await http.get(path, params=query)).json()]


async def status(http: httpx2.AsyncClient, path: str, **query: object) -> int:
    return (await http.get(path, params=query)).status_code


async def test_what_is_not_there(http: httpx2.AsyncClient, url: str) -> None:
    paths = ["/api/v8/applicants", "/api/applicants", "/api/v9/fees", "/api/v9/applicants/999", "/api/v9/courses/"]
    assert {path: await status(http, url + path) for path in paths} == dict.fromkeys(paths, 404)


async def test_without_the_key_nothing_is_told(stand_in: StandIn, url: str) -> None:
    keys = ["", KEY, f"Bearer {KEY}", f"DREAM apikey={KEY}", 'DREAM apikey="another"']
    async with httpx2.AsyncClient(trust_env=False) as stranger:
        answers = [await stranger.get(f"{url}/api/v9/applicants", headers={"Authorization": key}) for key in keys]
        answers.append(await stranger.get(f"{url}/api/v9/applicants"))
    assert [answer.status_code for answer in answers] == [401] * 6
    assert stand_in.calls == []


async def test_more_calls_than_are_allowed_are_not_processed(stand_in: StandIn, http: httpx2.AsyncClient) -> None:
    assert stand_in.quota.calls == 180
    stand_in.quota.calls = 2
    assert [await status(http, path) for path in ("version", "courses", "courses")] == [200, 200, 429]
    assert stand_in.calls == ["GET /api/v9/version", "GET /api/v9/courses"]


async def test_head_counts_and_tells_nothing_else(http: httpx2.AsyncClient) -> None:
    answer = await http.head("applicants", params={"limit": 2})
    assert (answer.status_code, answer.headers["X-Count"], answer.content) == (200, "11", b"")


async def test_an_applicant(http: httpx2.AsyncClient) -> None:
    link = f"/api/v9/applicants/{ADA}"
    assert (await http.get("applicants", params={"byEmails": "Ada@Example.org"})).json() == {
        str(ADA): {
            "id": ADA,
            "type": "Natural",
            "registered": "2026-10-25T12:00:00+00:00",
            "name": {"full": "Ada Raman", "given": "Ada", "middle": None, "family": "Raman"},
            "email": "ada@example.org",
            "phone": f"+370 600 00000 {MARKER}",
            "reference": "KTU-101",
            "matriculation": None,
            "citizenship": "IN",
            "notes": f"A note among colleagues, {MARKER}",
            "applications": f"{link}/applications",
            "photo": f"{link}/photo",
            "trackers": f"{link}/trackers",
            "documents": f"{link}/documents",
            "consents": f"{link}/consents",
            "invoices": f"{link}/invoices",
            "wishes": f"{link}/wishes",
        }
    }


async def test_values_are_alternatives_and_filters_must_all_hold(http: httpx2.AsyncClient) -> None:
    both = "ada@example.org,bruno@example.org"
    assert await ids(http, "applicants", byEmails=both) == [ADA, BRUNO]
    assert await ids(http, "applicants", byEmails=both.replace(",", " ")) == [ADA, BRUNO]
    assert await ids(http, "applicants", byEmails=both, byCitizenships="PT,IN,FR", bySince=BRUNO) == [BRUNO]
    assert await ids(http, "applicants", byEmails=both, byCitizenships="FR") == []
    assert await ids(http, "applications", byAcademicYear=2026, byStatuses="Draft,Withdrawn") == [509, 511]
    assert await ids(http, "applications", byAcademicTermID=7, byStatuses="Draft", byApplicantIDs=GRETA) == [511]


async def test_a_filter_without_a_value_leaves_everybody(http: httpx2.AsyncClient) -> None:
    assert len(await ids(http, "applicants", byEmails="")) == 11


async def test_what_makes_no_sense_is_refused(http: httpx2.AsyncClient) -> None:
    calls: list[tuple[str, dict[str, str]]] = [
        ("applications", {}),
        ("applications", {"byStatuses": "Draft"}),
        ("applicants", {"byEmail": "ada@example.org"}),
        ("applicants", {"limit": "0"}),
        ("applicants", {"limit": "many"}),
        ("applicants", {"expand": "passport"}),
        ("applicants", {"bySince": "yesterday"}),
        ("journal", {}),
        ("journal", {"byEvents": OFFER_CONFIRMED, "bySince": "2026-11-24T12:00:00 00:00"}),  # a plus that was lost
    ]
    assert [await status(http, path, **query) for path, query in calls] == [400] * 9


async def test_a_limit_shortens_the_list_and_not_the_count(http: httpx2.AsyncClient) -> None:
    answer = await http.get("applicants", params={"limit": 2})
    assert (list(answer.json()), answer.headers["X-Count"]) == (["101", "102"], "11")
    assert limit({"limit": "32768"}, MOST_EXPANDED) == limit({}, MOST_EXPANDED) == 8192


async def test_links_become_what_they_point_to(http: httpx2.AsyncClient, url: str) -> None:
    applications, expanded = [
        (await http.get(f"applicants/{ADA}/applications", params=query)).json()[str(ADAS)]
        for query in ({}, {"expand": "applicant,courses,offers,tasks"})
    ]
    offers, courses, tasks = [
        (await http.get(f"applications/{ADAS}/{part}")).json() for part in ("offers", "courses", "tasks")
    ]
    ada = (await http.get(url + applications["applicant"])).json()
    assert expanded == applications | {"applicant": ada, "offers": offers, "courses": courses, "tasks": tasks}
    assert (await http.get(url + courses["1"]["course"])).json()["name"] == "Artificial Intelligence"
    assert (await http.get(f"{url}{applications['offers']}/5011")).json() == offers["5011"]


async def test_an_application_in_a_list_holds_nothing_private_and_its_record_everything(
    http: httpx2.AsyncClient,
) -> None:
    listed = await http.get(f"applicants/{ADA}/applications")
    record = await http.get(f"applications/{ADAS}")
    assert listed.json()[str(ADAS)] == {
        "created": "2026-10-30T12:00:00+00:00",
        "revised": "2026-11-04T12:00:00+00:00",
        "submitted": "2026-11-04T12:00:00+00:00",
        "status": "Submitted",
        "commence_year": "2026",
        "academic_term": "/api/v9/academic-terms/7",
        "applicant": "/api/v9/applicants/101",
        "flags": "/api/v9/applications/501/flags",
        "courses": "/api/v9/applications/501/courses",
        "offers": "/api/v9/applications/501/offers",
        "exports": "/api/v9/applications/501/exports",
        "documents": "/api/v9/applications/501/documents",
    }
    assert MARKER in str(record.json()["profile"]["passport"]) and MARKER in str(record.json()["grades"])


async def test_an_empty_collection_may_look_in_two_ways(stand_in: StandIn, http: httpx2.AsyncClient) -> None:
    assert (await http.get(f"applicants/{INES}/applications")).json() == {}
    stand_in.empty = []
    assert (await http.get(f"applicants/{INES}/applications")).json() == []
    expanded = (await http.get(f"applicants/{ADA}/applications", params={"expand": "flags"})).json()
    assert expanded[str(ADAS)]["flags"] == []


async def test_a_saved_offer_holds_what_the_applicant_must_not_learn(http: httpx2.AsyncClient, url: str) -> None:
    offer = (await http.get(f"applications/{BRUNOS}/offers")).json()[str(BRUNOS_OFFER)]
    types = (await http.get("applications/offers/types")).json()
    of = {kind["title"]: f"/api/v9/applications/offers/types/{key}" for key, kind in types.items()}
    assert {name: offer[name] for name in offer if name.endswith("confirmed")} == {
        "confirmed": None,
        "type-confirmed": of["Unreplied"],
        "comments-confirmed": None,
    }
    assert offer["type"] == of["Accepted"] and (await http.get(url + offer["type"])).json()["ranking"] == "In quota"
    assert all(MARKER in str(offer[name]) for name in ("comments", "notes", "score", "explanation"))


async def test_open_tasks_are_those_not_resolved(http: httpx2.AsyncClient) -> None:
    tasks = (await http.get(f"applications/{ADAS}/tasks")).json()
    assert {each["class"]: each["resolved"] for each in tasks.values()} == {
        "checklist-passport": None,
        "checklist-english": None,
        "checklist-diploma": "2026-11-18T12:00:00+00:00",
    }
    assert tasks["1"]["notes"] == {
        "applicant": "The scan of the photo page is cut off at the right.",
        "administrator": f"A note among colleagues, {MARKER}",
    }


async def test_a_status_that_is_not_in_the_list_of_statuses(http: httpx2.AsyncClient) -> None:
    applications = (await http.get("applications", params={"byAcademicYear": 2026})).json()
    known = (await http.get("applications/statuses")).json()
    assert {each["status"] for each in applications.values()} - set(known) == {"Archived 2"}


async def test_everything_that_the_office_does_is_in_the_journal(stand_in: StandIn, http: httpx2.AsyncClient) -> None:
    last = stand_in.records.journal[-1].id
    office = stand_in.office
    office.save_offer(BRUNOS_OFFER, OfferType.REJECTED)
    office.confirm_offer(BRUNOS_OFFER)
    office.unconfirm_offer(BRUNOS_OFFER)
    office.resolve_task(ADAS, office.add_task(ADAS, "checklist-photo").id)
    office.change_status(ADAS, "Closed")
    office.change_email(ADA, "ada.raman@example.org")
    office.purge(FARID)
    told = (await http.get("journal", params={"byEvents": ALL_EVENTS, "bySince": last + 1})).json()
    assert [(int(key) - last, entry["event"], entry["bind"]) for key, entry in told.items()] == [
        (1, "Offer was edited: ?", ["Rejected"]),
        (2, "Offer was confirmed", []),
        (3, "Offer was edited: ?", ["Rejected"]),
        (4, "Task was created", []),
        (5, "Task was resolved", []),
        (6, "Application was closed", []),
        (7, "Applicant e-mail was changed", []),
        (8, "Applicant was deleted", []),
    ]
    assert told[str(last + 2)] == {
        "id": last + 2,
        "logged": "2026-11-24T12:00:00+00:00",
        "event": "Offer was confirmed",
        "bind": [],
        "administrator": "/api/v9/administrators/1",
        "applicant": "/api/v9/applicants/102",
        "application": "/api/v9/applications/502",
        "offer": "/api/v9/applications/502/offers/5021",
        **dict.fromkeys(("course", "institution", "invoice", "document", "flag", "tracker")),
    }


async def test_a_reply_that_was_taken_back_is_none_although_its_fields_are_still_there(
    stand_in: StandIn, http: httpx2.AsyncClient
) -> None:
    stand_in.office.confirm_offer(BRUNOS_OFFER)
    stand_in.office.unconfirm_offer(BRUNOS_OFFER)
    offer = (await http.get(f"applications/{BRUNOS}/offers/{BRUNOS_OFFER}")).json()
    assert offer["confirmed"] is None and offer["type-confirmed"] == "/api/v9/applications/offers/types/4"


async def test_an_offer_without_a_type_cannot_be_confirmed(stand_in: StandIn) -> None:
    with pytest.raises(ValueError, match="no type"):
        stand_in.office.confirm_offer(5011)


async def test_the_journal_is_asked_by_number_or_time_both_ends_included(http: httpx2.AsyncClient) -> None:
    everything = await ids(http, "journal", byEvents=ALL_EVENTS)
    confirmed = await ids(http, "journal", byEvents=OFFER_CONFIRMED)
    first, *_, last = confirmed
    assert await ids(http, "journal", byEvents=OFFER_CONFIRMED, bySince=first + 1, byUntil=last) == confirmed[1:]
    assert await ids(http, "journal", byEvents=OFFER_CONFIRMED, order="newest-first", limit=2) == confirmed[:-3:-1]
    four_days_ago, a_second_later = NOON - timedelta(days=4), NOON - timedelta(days=4, seconds=-1)
    assert set(confirmed) <= set(await ids(http, "journal", byEvents=ALL_EVENTS, bySince=four_days_ago.isoformat()))
    assert await ids(http, "journal", byEvents=OFFER_CONFIRMED, bySince=a_second_later.isoformat()) == []
    assert await ids(http, "journal", byEvents=ALL_EVENTS, byUntil=first) == [n for n in everything if n <= first]


async def test_the_journal_forgets_after_half_a_year(stand_in: StandIn, http: httpx2.AsyncClient) -> None:
    oldest = min(await ids(http, "journal", byEvents=ALL_EVENTS))
    forgotten = [each for each in stand_in.records.journal if each.id < oldest]
    assert [(each.event, (NOON - each.logged).days) for each in forgotten] == [
        ("Application was submitted", 300),
        ("Application was closed", 200),
    ]


async def test_who_was_purged_is_gone_and_only_the_numbers_remain(stand_in: StandIn, http: httpx2.AsyncClient) -> None:
    stand_in.office.purge(ADA)
    assert [await status(http, path) for path in (f"applicants/{ADA}", f"applications/{ADAS}")] == [404, 404]
    assert await ids(http, "applicants", byEmails="ada@example.org") == []
    answer = await http.get("purged-resources")
    purged = answer.json()
    assert purged.pop("pages")["items"] == {"current": 4, "total": 4} and answer.headers["X-Count"] == "4"
    assert [(each["type"], each["id"]) for each in purged.values()] == [
        ("Applicant", 112),
        ("Application", 513),
        ("Applicant", ADA),
        ("Application", ADAS),
    ]


async def test_what_goes_wrong_on_the_way(stand_in: StandIn, http: httpx2.AsyncClient) -> None:
    stand_in.faults.next(SERVER_ERROR, GARBAGE, slow(0.01), CLOSED, NEVER)
    assert await status(http, "version") == 500
    assert (await http.get("version")).text.startswith("<html>")
    assert (await http.get("version")).json() == {"version": 9}
    with pytest.raises(httpx2.RemoteProtocolError):
        await http.get("version")
    with pytest.raises(httpx2.ReadTimeout):
        await http.get("version", timeout=0.05)
    assert await status(http, "version") == 200
    stand_in.faults.always = SERVER_ERROR
    assert [await status(http, "version") for _ in range(2)] == [500, 500]


async def test_it_stops_though_somebody_waits_for_an_answer(stand_in: StandIn) -> None:
    stand_in.faults.next(NEVER)
    headers = {"Authorization": f'DREAM apikey="{KEY}"'}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
        async with stand_in.running() as url:
            asking = asyncio.create_task(http.get(f"{url}/api/v9/version"))
            while not stand_in.calls:  # noqa: ASYNC110 -- it tells in no other way that it was asked
                await asyncio.sleep(0)
        with pytest.raises(httpx2.RemoteProtocolError):
            await asking


class Receiver:
    """Who is told by the webhook: keeps what came, and answers as it was told to, or with 204."""

    def __init__(self, *statuses: int) -> None:
        self.came: list[tuple[str, list[str]]] = []
        self._statuses = list(statuses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        told = await request.json()
        self.came.append((request.headers["Authorization"], [each["event"] for each in told.values()]))
        await Response(status_code=self._statuses.pop(0) if self._statuses else 204)(scope, receive, send)


async def test_a_webhook_tells_what_is_new_with_its_secret(stand_in: StandIn) -> None:
    receiver = Receiver()
    async with serving(receiver) as (url, _), stand_in.telling(url, "Bearer of news") as webhook:
        stand_in.office.save_offer(BRUNOS_OFFER, OfferType.REJECTED)
        stand_in.office.confirm_offer(BRUNOS_OFFER)
        await webhook.idle.wait()
        stand_in.office.change_status(ADAS, "Closed")
        await webhook.idle.wait()
    assert receiver.came == [
        ("Bearer of news", [OFFER_EDITED, OFFER_CONFIRMED]),
        ("Bearer of news", ["Application was closed"]),
    ]


async def test_a_webhook_tells_the_same_as_the_journal_and_only_the_chosen_events(
    stand_in: StandIn, http: httpx2.AsyncClient
) -> None:
    told: list[Any] = []

    async def receive_all(scope: Scope, receive: Receive, send: Send) -> None:
        told.append(await Request(scope, receive).json())
        await Response(status_code=201)(scope, receive, send)

    async with serving(receive_all) as (url, _), stand_in.telling(url, "", events=(OFFER_CONFIRMED,)) as webhook:
        stand_in.office.save_offer(BRUNOS_OFFER, OfferType.REJECTED)
        stand_in.office.confirm_offer(BRUNOS_OFFER)
        await webhook.idle.wait()
    query = {"byEvents": OFFER_CONFIRMED, "bySince": stand_in.records.journal[-1].id}
    assert told == [(await http.get("journal", params=query)).json()]


async def test_a_webhook_is_tried_five_times_again_then_given_up_and_told_after_a_rewind(stand_in: StandIn) -> None:
    receiver = Receiver(500, 302, 401, 203, 429, 503)
    before = stand_in.records.journal[-1].id
    async with serving(receiver) as (url, _), stand_in.telling(url, "secret", pause=0) as webhook:
        stand_in.office.change_status(ADAS, "Closed")
        await webhook.idle.wait()
        assert (len(receiver.came), webhook.given_up) == (6, [before + 1])
        webhook.rewind(before)
        await webhook.idle.wait()
    assert receiver.came == [("secret", ["Application was closed"])] * 7


async def test_the_story_of_ada(stand_in: StandIn, url: str) -> None:
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        told = [(await http.post("/stand-in/next", data={"email": "ada@example.org"})).text for _ in range(6)]
    assert told == [
        "The task checklist-passport is resolved",
        "The task checklist-english is resolved",
        "The office saves the offer “Accepted”; the applicant is not told",
        "The offer “Accepted” is confirmed and sent out",
        "The applicant takes the place: Final",
        "Nothing more happens here",
    ]
    (offer,) = stand_in.records.applications[ADAS].offers
    assert (offer.type_confirmed, offer.confirmed, offer.decision_deadline, offer.decision) == (
        OfferType.ACCEPTED,
        NOON,
        date(2026, 12, 8),
        "Final",
    )


async def test_the_page_has_a_button_for_what_happens_next(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url, headers={"Accept": "text/html"}, trust_env=False) as browser:
        before = (await browser.get("/")).text
        pressed = await browser.post("/stand-in/next", data={"email": "bruno@example.org"}, follow_redirects=True)
    button = "<button>The offer “Accepted” is confirmed and sent out</button>"
    assert before.count(button) == 1 and button not in pressed.text
    assert "Artificial Intelligence: saved Accepted, sent nothing" in before
    assert "Artificial Intelligence: saved Accepted, sent nothing" not in pressed.text
    assert MARKER not in before


async def test_a_stranger_to_the_stand_in_plays_no_story(stand_in: StandIn, url: str) -> None:
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        assert (await http.post("/stand-in/next", data={"email": "nobody@example.org"})).status_code == 404
    elsewhere = httpx2.ASGITransport(stand_in.app, client=("192.0.2.1", 50000))
    async with httpx2.AsyncClient(transport=elsewhere, base_url=url) as http:
        assert (await http.post("/stand-in/next", data={"email": "ada@example.org"})).status_code == 403


PROGRAM = [sys.executable, "-u", "-m", "integrations.application_status.stand_in"]


async def run(*arguments: str) -> tuple[int | None, str, str]:
    """A whole run of the program: its status and what it said and complained of."""
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*PROGRAM, *arguments, stdout=pipe, stderr=pipe)
    said, complained = await program.communicate()
    return program.returncode, said.decode(), complained.decode()


async def test_it_is_served_and_told_from_another_terminal_what_happens_next() -> None:
    program = await asyncio.create_subprocess_exec(*PROGRAM, stdout=asyncio.subprocess.PIPE)
    assert program.stdout
    url = (await program.stdout.readuntil(b";")).decode().split()[-1].rstrip(";")
    port = url.rpartition(":")[2]
    *answers, (status_of_second, _, complaint) = await asyncio.gather(
        run("next", "ada@example.org", "--url", url),
        run("next", "nobody@example.org", "--url", url),
        run("--port", port),
    )
    program.terminate()
    await program.communicate()
    assert program.returncode == 0
    assert answers == [
        (0, "The task checklist-passport is resolved\n", ""),
        (2, "", "No invented applicant has this address\n"),
    ]
    assert status_of_second == 2 and f"nobody can listen on {port}" in complaint and "Traceback" not in complaint
