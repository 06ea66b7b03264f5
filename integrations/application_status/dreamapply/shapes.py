"""What is taken from DreamApply's answers. What has no field here is dropped where an answer is read.

There is no field for passport, birth, grades, notes among colleagues and scores; and of a reply none for anything but
what was sent out.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)

HOME = ZoneInfo("Europe/Vilnius")
DAY = len("2026-11-24")

Item = TypeVar("Item")


def _number_in(link: Any) -> Any:
    """The number at the end of a link such as /api/v9/courses/3, or of the object itself where it was expanded."""
    match link:
        case str():
            return link.rpartition("/")[2]
        case {"id": number}:
            return number
    return link


def _as_object(collection: Any) -> Any:
    return {} if collection == [] else collection  # how an empty collection looks is not documented


def _end_of_day(deadline: Any) -> Any:
    if isinstance(deadline, str) and len(deadline) == DAY:
        return datetime.combine(date.fromisoformat(deadline), time(23, 59, 59), HOME)
    return deadline


Number = Annotated[int, BeforeValidator(_number_in)]
Collection = Annotated[dict[int, Item], BeforeValidator(_as_object)]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Person(Shape):
    """An applicant, from the list: no name, no telephone number, no note."""

    id: int
    email: str | None


class Sent(Shape):
    """A reply as the applicant got it, and what they decided."""

    confirmed: AwareDatetime
    saved: AwareDatetime | None = Field(None, repr=False)
    type: Number = Field(alias="type-confirmed")
    comments: str | None = Field(alias="comments-confirmed")
    decision: str
    decided: AwareDatetime | None = None
    deadline: Annotated[AwareDatetime | None, BeforeValidator(_end_of_day)] = Field(None, alias="decision-deadline")

    @field_validator("deadline")
    @classmethod
    def _keep_what_was_sent(cls, deadline: datetime | None, info: ValidationInfo) -> datetime | None:
        """There is only one deadline. Saved after the sending, it belongs to what nobody has sent yet."""
        saved, confirmed = info.data.get("saved"), info.data.get("confirmed")
        return None if saved and confirmed and saved > confirmed else deadline


class Offer(Shape):
    """The reply for one course; `sent` is None until it is sent out, and again when it was taken back."""

    priority: int
    course: Number
    sent: Sent | None

    @model_validator(mode="before")
    @classmethod
    def _keep_what_was_sent(cls, offer: Any) -> Any:
        match offer:
            case {"priority": priority, "course": course, "confirmed": confirmed}:
                return {"priority": priority, "course": course, "sent": offer if confirmed else None}
        raise ValueError("no offer")


class Choice(Shape):
    """A course that the applicant has chosen."""

    priority: int
    course: Number


class Notes(Shape):
    applicant: str | None = None


class Task(Shape):
    """Something asked of the applicant, to do until it is resolved. `kind` is for example checklist-passport."""

    kind: str = Field(alias="class")
    resolved: AwareDatetime | None
    notes: Notes | None = None


class Application(Shape):
    """An application as it stands in the list, with what was expanded."""

    status: str
    created: AwareDatetime
    submitted: AwareDatetime | None
    courses: Collection[Choice]
    offers: Collection[Offer]
    tasks: Collection[Task]


class Course(Shape):
    name: str


class OfferType(Shape):
    """What the university calls a kind of reply, and what it means for the place: Pending, In quota, Eliminated."""

    title: str
    ranking: str | None = None


class Entry(Shape):
    """A line of the journal."""

    event: str
    applicant: Number | None = None


class Purged(Shape):
    """What remains of something that was deleted; `type` is Applicant or Application."""

    id: int
    type: str


class PurgedPage(Shape):
    """A page of the deleted ones, by the number of their entry, and how many pages there are."""

    pages: int
    entries: dict[int, Purged]

    @model_validator(mode="before")
    @classmethod
    def _part(cls, page: Any) -> Any:
        """How many pages there are stands among the entries."""
        match _as_object(page):
            case {"pages": {"total": total}, **entries}:
                return {"pages": total, "entries": entries}
            case {**entries}:
                return {"pages": 1, "entries": entries}
        raise ValueError("no page")


PEOPLE = TypeAdapter(Collection[Person])
APPLICATIONS = TypeAdapter(Collection[Application])
OFFER_TYPES = TypeAdapter(Collection[OfferType])
COURSE = TypeAdapter(Course)
ENTRIES = TypeAdapter(Collection[Entry])
PURGED_PAGE = TypeAdapter(PurgedPage)
STATUSES: TypeAdapter[object] = TypeAdapter(dict[str, object])
