"""What is done with a message, whatever the model made of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.understanding import CRISIS, OUT_OF_SCOPE, Costs, Guess, Understanding, Verdict, is_small_talk, judge

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


costs = st.builds(Costs, *[st.floats(0, 10)] * 5, st.floats(0, 1))


@given(rankings(), costs)
@settings(deadline=None)
def test_every_outcome_comes_with_as_many_keys_as_it_can_use(understanding: Understanding, costs: Costs) -> None:
    verdict = judge(understanding, costs)
    topics = len(offered(understanding, costs))
    allowed = {"answer": {1}, "clarify": {1, 2, 3}, "fallback": {min(3, topics)}}
    assert len(verdict.keys) in allowed[verdict.outcome]


@given(rankings(), costs)
@settings(deadline=None)
def test_what_is_offered_are_the_likeliest_topics_in_their_order(understanding: Understanding, costs: Costs) -> None:
    verdict = judge(understanding, costs)
    if verdict.outcome != "answer":
        assert verdict.keys == offered(understanding, costs)[:3]


@given(rankings(), costs)
@settings(deadline=None)
def test_out_of_scope_is_never_answered_or_offered(understanding: Understanding, costs: Costs) -> None:
    assert OUT_OF_SCOPE not in judge(understanding, costs).keys


@given(rankings(), st.floats(0, 1))
@settings(deadline=None)
def test_a_cry_for_help_is_heard_before_anything_else(understanding: Understanding, limit: float) -> None:
    others = tuple(guess for guess in understanding.ranking if guess.key != CRISIS)
    heard = Understanding((*others, Guess(CRISIS, limit)))  # the last of all, and just loud enough
    assert judge(heard, Costs(crisis=limit)) == Verdict("answer", (CRISIS,))


@given(rankings(), costs)
@settings(deadline=None)
def test_only_the_likeliest_is_answered_and_only_when_it_is_worth_the_risk(
    understanding: Understanding, costs: Costs
) -> None:
    verdict = judge(understanding, costs)
    if verdict.outcome == "answer" and understanding.confidence(CRISIS) < costs.crisis:
        best = understanding.ranking[0]
        wrong = costs.misread if is_small_talk(best.key) else costs.wrong
        assert verdict.keys == (best.key,)
        assert (1 - best.confidence) * wrong <= costs.asked


def offered(understanding: Understanding, costs: Costs) -> tuple[str, ...]:
    topics = (guess for guess in understanding.topics if not is_small_talk(guess.key))
    return tuple(guess.key for guess in topics if guess.key != CRISIS or guess.confidence >= costs.crisis_offered)


@pytest.mark.parametrize(
    ("understanding", "verdict"),
    [
        (understood(), Verdict("fallback", ())),
        (understood(oos=0.9), Verdict("fallback", ())),
        (understood(visa_need=0.9, visa_documents=0.05), Verdict("answer", ("visa.need",))),
        (understood(visa_need=0.8), Verdict("answer", ("visa.need",))),
        (understood(visa_need=0.79), Verdict("clarify", ("visa.need",))),
        (understood(visa_need=0.5, visa_documents=0.45), Verdict("clarify", ("visa.need", "visa.documents"))),
        (
            understood(visa_need=0.4, visa_documents=0.3, housing_apply=0.1, money_tuition=0.09),
            Verdict("clarify", ("visa.need", "visa.documents", "housing.apply")),
        ),
        (
            understood(visa_need=0.2, visa_documents=0.15, housing_apply=0.1, money_tuition=0.08),
            Verdict("fallback", ("visa.need", "visa.documents", "housing.apply")),
        ),
        # likelier out of scope than any one topic, but than all together not
        (understood(oos=0.4, visa_need=0.35, visa_documents=0.2), Verdict("clarify", ("visa.need", "visa.documents"))),
        (understood(oos=0.6, visa_need=0.35), Verdict("fallback", ("visa.need",))),
        # nobody is offered "Hello!" to choose, but a likely greeting is returned
        (understood(talk_greet=0.5, visa_need=0.2), Verdict("answer", ("talk.greet",))),
        (understood(talk_greet=0.4, visa_need=0.3), Verdict("fallback", ("visa.need",))),
        (understood(oos=0.8, crisis=0.2), Verdict("answer", (CRISIS,))),
        (understood(visa_need=0.8, crisis=0.19), Verdict("answer", ("visa.need",))),
        # who types nonsense is not asked whether they want to hurt themselves; who may have meant it is
        (understood(oos=0.97, crisis=0.019, visa_need=0.001), Verdict("fallback", ("visa.need",))),
        (understood(oos=0.97, crisis=0.02, visa_need=0.001), Verdict("fallback", (CRISIS, "visa.need"))),
    ],
)
def test_judging_by_the_usual_costs(understanding: Understanding, verdict: Verdict) -> None:
    assert judge(understanding) == verdict


def test_a_key_that_the_model_did_not_name_has_no_confidence() -> None:
    assert understood(visa_need=0.7).confidence("visa.need") == 0.7
    assert understood(visa_need=0.7).confidence("housing.apply") == 0.0


@given(rankings(), st.sampled_from(["visa.need", "housing.apply"]))
@settings(deadline=None)
def test_leaning_makes_an_area_likelier_and_nothing_surer_in_sum(understanding: Understanding, key: str) -> None:
    leaning = understanding.leaning_to(key)
    assert {guess.key for guess in leaning.ranking} == {guess.key for guess in understanding.ranking}
    before, after = (sum(guess.confidence for guess in each.ranking) for each in (understanding, leaning))
    assert after == pytest.approx(before, abs=1e-6)
    assert leaning.confidence(key) >= understanding.confidence(key) - 1e-9
