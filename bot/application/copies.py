"""What the systems said last of a link's applicants: sealed in its row, with what follows from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from bot.application.tables import Link, LinkedApplicant
from bot.application.vault import Vault
from integrations.application_status.case import Case
from integrations.database import utc_now


@dataclass(frozen=True)
class Copy:
    """What a system said of one applicant, and when somebody began to ask it."""

    asked_at: datetime
    cases: tuple[Case, ...]


Copies = Mapping[str, Copy]  # by the applicant's print
COPIES = TypeAdapter(dict[str, Copy])


def open_copies(vault: Vault, link: Link) -> Copies:
    """Raises WrongKeys."""
    if link.cases is None:
        return {}
    try:
        return COPIES.validate_python(vault.open(link.cases))
    except ValidationError:  # an earlier version's: the next look-up brings all of it
        return {}


def seal_copies(vault: Vault, link: Link, copies: Copies, applicants: Sequence[LinkedApplicant]) -> None:
    """Keep what there is of these applicants, and note where they stand."""
    kept = {print_: copies[print_] for each in applicants if (print_ := each.applicant_print) in copies}
    cases = list_cases(kept)
    link.cases = vault.seal(COPIES.dump_python(kept, mode="json"))
    link.stands = print_of_cases(vault, cases)
    is_final = len(kept) == len(applicants) and bool(cases) and all(each.state.is_final for each in cases)
    link.final_since = (link.final_since or utc_now()) if is_final else None


def merge(copies: Copies, news: Copies) -> Copies:
    """Of two copies the one stays for which somebody began to ask later: also where its answer was quicker."""
    later = {each: copy for each, copy in news.items() if each not in copies or copy.asked_at >= copies[each].asked_at}
    return {**copies, **later}


def list_cases(copies: Copies) -> tuple[Case, ...]:
    return tuple(case for copy in copies.values() for case in copy.cases)


def print_of_cases(vault: Vault, cases: Iterable[Case]) -> str:
    """Of what people are told when it changes: states, deadlines and what is still to do."""
    return vault.print_of("cases", *sorted(json.dumps(_what_is_told(each)) for each in cases))


def _what_is_told(case: Case) -> list[object]:
    deadline = case.deadline.astimezone(UTC).isoformat() if case.deadline else None
    tasks = sorted((task.what, task.note) for task in case.tasks)
    return [case.provider, case.id, case.state, deadline, tasks]
