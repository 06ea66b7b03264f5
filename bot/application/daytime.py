"""When a person is not to be woken: by the clocks of where they probably are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

EVENING, MORNING = 22, 8  # hours by the person's clock
HERE = ZoneInfo("Europe/Vilnius")


def is_night(moment: datetime, country: str | None) -> bool:
    """Whether it is night for somebody of this country (ISO code), or in Lithuania where nobody knows theirs."""
    zone = _zones().get(country or "")
    hour = moment.astimezone(ZoneInfo(zone) if zone else HERE).hour
    return hour >= EVENING or hour < MORNING


@cache
def _zones() -> Mapping[str, str]:
    """The first zone of each country. A large one has several, of which one is not far from right."""
    text = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="ascii")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return {row[0]: row[2] for row in reversed(rows)}
