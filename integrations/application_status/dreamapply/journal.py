"""What changed in DreamApply since somebody last looked, from its journal and its list of who was deleted.

The journal reaches back half a year. Whoever looks more rarely has missed what is older, and sees it only by asking
for the applicant. Each look reads one page of each: what is left is read at the next.
"""

from __future__ import annotations

from pydantic import BaseModel

from integrations.application_status.case import Changes
from integrations.application_status.dreamapply.calls import Calls
from integrations.application_status.dreamapply.shapes import ENTRIES, PURGED_PAGE

DELETED = "Applicant was deleted"
EVENTS = (
    "Offer was edited: ?",  # also when it was taken back, and when the applicant has decided
    "Offer was confirmed",
    "Application was closed",
    "Application was withdrawn",
    *(
        f"Task was {what}"
        for what in ("created", "deleted", "sent to trash", "restored", "saved", "resolved", "commented")
    ),
    DELETED,
)
MOST = 1024


class Cursor(BaseModel):
    """The last line of the journal that was read; the last entry of the deleted ones, and the page that it is on."""

    journal: int = 0
    purged: int = 0
    page: int = 1


async def read_changes(calls: Calls, since: str | None) -> Changes:
    """Raises Unavailable, Refused."""
    if since is None:
        return Changes(frozenset(), frozenset(), (await _find_end(calls)).model_dump_json())
    cursor = Cursor.model_validate_json(since)
    entries = await calls.get(
        "journal",
        ENTRIES,
        byEvents=",".join(EVENTS),
        bySince=str(cursor.journal + 1),  # which is part of what is asked for
        order="oldest-first",
        limit=str(MOST),
    )
    about = {(str(entry.applicant), entry.event == DELETED) for entry in entries.values() if entry.applicant}
    page = await calls.get("purged-resources", PURGED_PAGE, page=str(cursor.page))
    new = [each for number, each in page.entries.items() if number > cursor.purged]
    purged = {who for who, deleted in about if deleted} | {str(each.id) for each in new if each.type == "Applicant"}
    reached = Cursor(
        journal=max(entries, default=cursor.journal),
        purged=max(page.entries, default=cursor.purged),
        page=min(cursor.page + 1, max(page.pages, 1)),
    )
    return Changes(frozenset(who for who, _ in about) - purged, frozenset(purged), reached.model_dump_json())


async def _find_end(calls: Calls) -> Cursor:
    newest = await calls.get("journal", ENTRIES, byEvents=",".join(EVENTS), order="newest-first", limit="1")
    page = await calls.get("purged-resources", PURGED_PAGE)
    if page.pages > 1:
        page = await calls.get("purged-resources", PURGED_PAGE, page=str(page.pages))
    return Cursor(journal=max(newest, default=0), purged=max(page.entries, default=0), page=max(page.pages, 1))
