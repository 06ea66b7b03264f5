"""The pace: whatever happens in whatever order, no limit is broken, and nobody waits longer than needed."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.calls import CHANGING
from bot.delivery.pace import MINUTE, SECOND, WRITING, Limits, Pace, Window

PERSON, GROUP = 7, -7
LIMITS = Limits(in_all=3, between=1.0, per_group=4)
Moments = list[float]

# Sixteenths of a second: sums of them are exact.
moments = st.lists(st.integers(0, 40).map(lambda each: each / 16), max_size=60).map(lambda gaps: [*accumulate(gaps)])


def most_within(times: Moments, seconds: float) -> int:
    return max((sum(begin <= each < begin + seconds for each in times) for begin in times), default=0)


@given(moments, st.integers(1, 5), st.integers(1, 48).map(lambda each: each / 16))
def test_in_any_stretch_a_window_lets_at_most_so_many_pass(times: Moments, most: int, seconds: float) -> None:
    window, passed = Window(most, seconds), []
    for now in times:
        recent = sum(each > now - seconds for each in passed)
        assert window.free(now) == most - recent
        if window.free(now):
            window.note(now)
            passed.append(now)
    assert most_within(passed, seconds) <= most


@given(moments, st.integers(1, 5))
def test_a_full_window_tells_the_first_moment_at_which_it_is_free(times: Moments, most: int) -> None:
    window = Window(most, 1.0)
    for now in times:
        if window.free(now):
            window.note(now)
        else:
            assert window.free_at() > now
            assert window.free(window.free_at() - 1 / 32) == 0
            assert window.free(window.free_at()) > 0
            window.note(now + 1.0)
            break


@given(moments, st.lists(st.sampled_from([PERSON, GROUP, 8, -8]), min_size=60, max_size=60))
def test_whoever_asks_first_breaks_no_limit(times: Moments, chats: list[int]) -> None:
    pace, sent = Pace(LIMITS), []
    for now, chat in zip(times, chats, strict=False):
        if pace.free(now) and chat not in pace.resting(now):
            pace.begin(now)
            pace.end(chat, WRITING, now)
            sent.append((now, chat))
    assert most_within([at for at, _ in sent], SECOND) <= LIMITS.in_all
    for chat in set(chats):
        mine = [at for at, whose in sent if whose == chat]
        assert most_within(mine, LIMITS.between) <= 1
        assert chat > 0 or most_within(mine, MINUTE) <= LIMITS.per_group


def test_a_message_counts_for_its_chat_from_its_end() -> None:
    pace = Pace(LIMITS)
    pace.begin(10.0)
    pace.end(PERSON, WRITING, 15.0)
    assert pace.resting(15.5) == {PERSON: 16.0}
    assert pace.resting(16.0) == {}


def test_a_change_counts_in_all_but_not_for_its_chat() -> None:
    pace = Pace(LIMITS)
    for _ in range(3):
        pace.begin(10.0)
        pace.end(GROUP, CHANGING, 10.0)
    assert (pace.free(10.5), pace.free_at(), pace.resting(10.5)) == (0, 10.0 + SECOND, {})


def test_a_group_rests_once_its_minute_is_full_and_a_person_does_not() -> None:
    pace = Pace(LIMITS)
    for number in range(4):
        for chat in (GROUP, PERSON):
            pace.end(chat, WRITING, 10.0 + number)
    assert pace.resting(13.5) == {GROUP: 10.0 + MINUTE, PERSON: 14.0}


@pytest.mark.parametrize("times", [(20.0, 12.0), (12.0, 20.0)])
def test_of_two_reasons_to_rest_the_longer_holds(times: tuple[float, float]) -> None:
    pace = Pace(LIMITS)
    for until in times:
        pace.rest(PERSON, until)
    assert pace.resting(10.0) == {PERSON: 20.0}


def test_what_is_over_is_forgotten() -> None:
    pace = Pace(LIMITS)
    for chat in range(-500, 500):
        pace.end(chat, WRITING, 10.0)
    assert pace.resting(10.0 + MINUTE) == {}
    assert (pace._chats, pace._groups) == ({}, {})
