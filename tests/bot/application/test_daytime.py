"""When it is night for whom."""

from __future__ import annotations

import pytest

from bot.application.daytime import is_night
from tests.bot.application.office import at


@pytest.mark.parametrize(
    ("country", "last_of_day", "first_of_day"),
    [
        ("LT", "2026-11-24T19:59:59+00:00", "2026-11-25T06:00:00+00:00"),
        ("LT", "2026-07-24T18:59:59+00:00", "2026-07-25T05:00:00+00:00"),
        ("IN", "2026-11-24T16:29:59+00:00", "2026-11-25T02:30:00+00:00"),
        ("NP", "2026-11-24T16:14:59+00:00", "2026-11-25T02:15:00+00:00"),
        ("US", "2026-11-25T02:59:59+00:00", "2026-11-25T13:00:00+00:00"),  # New York
        ("CN", "2026-11-24T13:59:59+00:00", "2026-11-25T00:00:00+00:00"),  # Shanghai
        (None, "2026-11-24T19:59:59+00:00", "2026-11-25T06:00:00+00:00"),
        ("XX", "2026-11-24T19:59:59+00:00", "2026-11-25T06:00:00+00:00"),
    ],
)
def test_night_is_from_ten_to_eight_by_the_persons_clock(
    country: str | None, last_of_day: str, first_of_day: str
) -> None:
    evening, morning = at(last_of_day), at(first_of_day)
    second = at("2026-01-01T00:00:01+00:00") - at("2026-01-01T00:00:00+00:00")
    asked = (evening, evening + second, morning - second, morning)
    assert [is_night(each, country) for each in asked] == [False, True, True, False]
