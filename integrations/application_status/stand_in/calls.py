"""The calls of the interface: which address tells what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from integrations.application_status.stand_in.filters import (
    APPLICANTS,
    APPLICATIONS,
    MOST,
    MOST_ENTRIES,
    MOST_EXPANDED,
    TERM_FILTERS,
    Wrong,
    expansions,
    limit,
    select,
    select_entries,
)
from integrations.application_status.stand_in.office import Clock
from integrations.application_status.stand_in.records import Applicant, Application, OfferType, Records
from integrations.application_status.stand_in.views import (
    APPLICANT_PARTS,
    APPLICATION_PARTS,
    STATUSES,
    View,
    tell_applicant,
    tell_application,
    tell_application_record,
    tell_course,
    tell_entry,
    tell_offer_type,
    tell_purged,
)

JOURNAL_REACHES = timedelta(days=183)  # half a year
EXPANDABLE = ("applicant", "flags", "courses", "offers", "documents", "tasks", "scores", "references")

Empty = Callable[[], Any]
Key = TypeVar("Key")
Thing = TypeVar("Thing")


class Calls:
    def __init__(self, records: Records, clock: Clock, empty: Empty) -> None:
        self._records, self._clock, self._empty = records, clock, empty

    async def version(self, request: Request) -> Response:
        return JSONResponse({"version": 9})

    async def applicants(self, request: Request) -> Response:
        query = request.query_params
        expanded = expansions(query, APPLICANT_PARTS)
        found = select(self._records.applicants.values(), query, APPLICANTS)
        most = limit(query, MOST_EXPANDED if expanded else MOST)
        empties = {part: self._empty() for part in expanded}
        return self._collection({each.id: tell_applicant(each) | empties for each in found[:most]}, len(found))

    async def applicant(self, request: Request) -> Response:
        expanded = expansions(request.query_params, APPLICANT_PARTS)
        return JSONResponse(tell_applicant(self._applicant(request)) | {part: self._empty() for part in expanded})

    async def applicant_part(self, request: Request) -> Response:
        self._applicant(request)
        return self._collection(_found({part: {} for part in APPLICANT_PARTS}, request.path_params["part"]))

    async def applications_of(self, request: Request) -> Response:
        applications = self._records.applications_of(self._applicant(request).id)
        return self._tell_applications(request, applications)

    async def applications(self, request: Request) -> Response:
        query = request.query_params
        if not any(query.get(name) for name in TERM_FILTERS):
            raise Wrong("one of byAcademicTermID, byAcademicYear and byAcademicYears is required")
        return self._tell_applications(request, select(self._records.applications.values(), query, APPLICATIONS))

    async def application(self, request: Request) -> Response:
        application = self._application(request)
        record = tell_application_record(application, self._records.applicants[application.applicant])
        return JSONResponse(record | self._expand(application, expansions(request.query_params, EXPANDABLE)))

    async def application_part(self, request: Request) -> Response:
        tell = _found(APPLICATION_PARTS, request.path_params["part"])
        return self._collection(tell(self._application(request)))

    async def application_part_item(self, request: Request) -> Response:
        tell = _found(APPLICATION_PARTS, request.path_params["part"])
        return JSONResponse(_found(tell(self._application(request)), request.path_params["item"]))

    async def statuses(self, request: Request) -> Response:
        return self._collection(
            {name: {"title": name, "colour": "#97C4D9", "verbose": verbose} for name, verbose in STATUSES.items()}
        )

    async def offer_types(self, request: Request) -> Response:
        return self._collection({kind.value: tell_offer_type(kind) for kind in OfferType})

    async def offer_type(self, request: Request) -> Response:
        return JSONResponse(_found({kind.value: tell_offer_type(kind) for kind in OfferType}, _id(request)))

    async def courses(self, request: Request) -> Response:
        return self._collection({each.id: tell_course(each) for each in self._records.courses.values()})

    async def course(self, request: Request) -> Response:
        return JSONResponse(tell_course(_found(self._records.courses, _id(request))))

    async def journal(self, request: Request) -> Response:
        query = request.query_params
        found = select_entries(self._records, query, self._clock() - JOURNAL_REACHES)
        return self._collection({each.id: tell_entry(each) for each in found[: limit(query, MOST_ENTRIES)]}, len(found))

    async def purged(self, request: Request) -> Response:
        """The pages stand between the items, as the real one has them; here one is enough."""
        items = {each.number: tell_purged(each) for each in self._records.purged}
        count = {"current": len(items), "total": len(items)}
        pages = {"total": 1, "current": 1, "prev": None, "next": None, "items": count}
        return JSONResponse({"pages": pages, **items}, headers={"X-Count": str(len(items))})

    def _tell_applications(self, request: Request, found: list[Application]) -> Response:
        expanded = expansions(request.query_params, EXPANDABLE)
        most = limit(request.query_params, MOST_EXPANDED if expanded else MOST)
        told = {each.id: tell_application(each) | self._expand(each, expanded) for each in found[:most]}
        return self._collection(told, len(found))

    def _expand(self, application: Application, names: Iterable[str]) -> View:
        def tell(name: str) -> Any:
            if name == "applicant":
                return tell_applicant(self._records.applicants[application.applicant])
            return APPLICATION_PARTS[name](application) or self._empty()

        return {name: tell(name) for name in names}

    def _collection(self, items: Mapping[Any, View], in_all: int | None = None) -> Response:
        """X-Count says how many there are in all, whatever the limit."""
        count = len(items) if in_all is None else in_all
        return JSONResponse(items or self._empty(), headers={"X-Count": str(count)})

    def _applicant(self, request: Request) -> Applicant:
        return _found(self._records.applicants, _id(request))

    def _application(self, request: Request) -> Application:
        return _found(self._records.applications, _id(request))


def build_calls(records: Records, clock: Clock, empty: Empty) -> Router:
    calls = Calls(records, clock, empty)
    routes = {
        "/version": calls.version,
        "/applicants": calls.applicants,
        "/applicants/{id:int}": calls.applicant,
        "/applicants/{id:int}/applications": calls.applications_of,
        "/applicants/{id:int}/{part}": calls.applicant_part,
        "/applications": calls.applications,
        "/applications/statuses": calls.statuses,
        "/applications/offers/types": calls.offer_types,
        "/applications/offers/types/{id:int}": calls.offer_type,
        "/applications/{id:int}": calls.application,
        "/applications/{id:int}/{part}": calls.application_part,
        "/applications/{id:int}/{part}/{item:int}": calls.application_part_item,
        "/courses": calls.courses,
        "/courses/{id:int}": calls.course,
        "/journal": calls.journal,
        "/purged-resources": calls.purged,
    }
    return Router([Route(f"/v9{path}", call) for path, call in routes.items()], redirect_slashes=False)


def _id(request: Request) -> int:
    number: int = request.path_params["id"]
    return number


def _found(things: Mapping[Key, Thing], key: Key) -> Thing:
    if key not in things:
        raise HTTPException(404)
    return things[key]
