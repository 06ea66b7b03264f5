"""What is done with a message, whatever the model made of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.understanding import CRISIS, OUT_OF_SCOPE, Guess, Thresholds, Understanding, Verdict, judge

KEYS = ("visa.need", "visa.documents", "housing.apply", "money.tuition", "talk.greet", CRISIS, OUT_OF_SCOPE)


def understood(**confidences: float) -> Understanding:
    """visa_need=0.5 stands for visa.need; oos and crisis for the two keys that are special."""
    special = {"oos": OUT_OF_SCOPE, "crisis": CRISIS}
    guesses = [Guess(special.get(name, name.replace("_", ".", 1)), value) for name, value in confidences.items()]
    return Understanding(tuple(sorted(guesses, key=lambda guess: -guess.confidence)))


@st.composite
def rankings(draw: st.DrawFn) -> Understanding:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True))
    confidences = draw(st.lists(st.floats(0, 1), min_size=len(keys), max_size=len(keys)))
    ranked = sorted(confidences, reverse=True)
    return Understanding(tuple(Guess(key, confidence) for key, confidence in zip(keys, ranked, strict=True)))


thresholds = st.builds(Thresholds, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))


@given(rankings(), thresholds)
@settings(deadline=None)
def test_every_outcome_comes_with_as_many_keys_as_it_can_use(understanding: Understanding, limits: Thresholds) -> None:
    verdict = judge(understanding, limits)
    topics = len(understanding.topics)
    allowed = {
        "answer": {1},
        "clarify": {2, 3} if topics > 1 else {1},
        "fallback": {min(3, topics)},
    }
    assert len(verdict.keys) in allowed[verdict.outcome]


@given(rankings(), thresholds)
@settings(deadline=None)
def test_keys_are_the_likeliest_topics_in_their_order(understanding: Understanding, limits: Thresholds) -> None:
    verdict = judge(understanding, limits)
    if verdict.keys != (CRISIS,):
        assert verdict.keys == tuple(guess.key for guess in understanding.topics[: len(verdict.keys)])


@given(rankings(), thresholds)
@settings(deadline=None)
def test_out_of_scope_is_never_answered_or_offered(understanding: Understanding, limits: Thresholds) -> None:
    assert OUT_OF_SCOPE not in judge(understanding, limits).keys


@given(rankings(), st.floats(0, 1))
@settings(deadline=None)
def test_a_cry_for_help_is_heard_before_anything_else(understanding: Understanding, limit: float) -> None:
    others = tuple(guess for guess in understanding.ranking if guess.key != CRISIS)
    heard = Understanding((*others, Guess(CRISIS, limit)))  # the last of all, and just loud enough
    assert judge(heard, Thresholds(crisis=limit)) == Verdict("answer", (CRISIS,))


@given(rankings())
@settings(deadline=None)
def test_what_is_likeliest_out_of_scope_is_never_answered(understanding: Understanding) -> None:
    others = tuple(guess for guess in understanding.ranking if guess.key not in (OUT_OF_SCOPE, CRISIS))
    verdict = judge(Understanding((Guess(OUT_OF_SCOPE, 1.0), *others)))
    assert verdict == Verdict("fallback", tuple(guess.key for guess in others[:3]))


@given(rankings(), thresholds)
@settings(deadline=None)
def test_only_what_is_likely_and_ahead_is_answered(understanding: Understanding, limits: Thresholds) -> None:
    verdict = judge(understanding, limits)
    if verdict.outcome == "answer" and understanding.confidence(CRISIS) < limits.crisis:
        best, *others = understanding.topics
        assert best == understanding.ranking[0]
        assert best.confidence >= limits.answer
        assert all(best.confidence - other.confidence >= limits.ahead for other in others)


@given(rankings(), thresholds)
@settings(deadline=None)
def test_nothing_unlikely_is_asked_back(understanding: Understanding, limits: Thresholds) -> None:
    if judge(understanding, limits).outcome == "clarify":
        assert understanding.topics[0].confidence >= limits.ask


@pytest.mark.parametrize(
    ("understanding", "verdict"),
    [
        (understood(), Verdict("fallback", ())),
        (understood(oos=0.9), Verdict("fallback", ())),
        (understood(visa_need=0.9, visa_documents=0.05), Verdict("answer", ("visa.need",))),
        (understood(visa_need=0.45), Verdict("answer", ("visa.need",))),
        (understood(visa_need=0.44), Verdict("clarify", ("visa.need",))),
        (understood(visa_need=0.5, visa_documents=0.45), Verdict("clarify", ("visa.need", "visa.documents"))),
        (
            understood(visa_need=0.4, visa_documents=0.3, housing_apply=0.1, money_tuition=0.09),
            Verdict("clarify", ("visa.need", "visa.documents", "housing.apply")),
        ),
        (
            understood(visa_need=0.4, visa_documents=0.3, housing_apply=0.09),
            Verdict("clarify", ("visa.need", "visa.documents")),
        ),
        (
            understood(visa_need=0.4, visa_documents=0.05, housing_apply=0.04),
            Verdict("clarify", ("visa.need", "visa.documents")),
        ),
        (
            understood(visa_need=0.11, visa_documents=0.1, housing_apply=0.09, money_tuition=0.08),
            Verdict("fallback", ("visa.need", "visa.documents", "housing.apply")),
        ),
        (understood(oos=0.5, visa_need=0.45), Verdict("fallback", ("visa.need",))),
        (understood(visa_need=0.5, oos=0.45), Verdict("answer", ("visa.need",))),
        (understood(oos=0.8, crisis=0.2), Verdict("answer", (CRISIS,))),
        (understood(visa_need=0.8, crisis=0.19), Verdict("answer", ("visa.need",))),
    ],
)
def test_judging_by_the_usual_thresholds(understanding: Understanding, verdict: Verdict) -> None:
    assert judge(understanding) == verdict


def test_a_key_that_the_model_did_not_name_has_no_confidence() -> None:
    assert understood(visa_need=0.7).confidence("visa.need") == 0.7
    assert understood(visa_need=0.7).confidence("housing.apply") == 0.0
