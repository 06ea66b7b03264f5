"""What is said of an application, a nomination or a learning agreement."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from bot.conversation.cases import Words, name_of_task
from bot.conversation.person import Person
from bot.conversation.registrar import Registrar
from bot.conversation.reply import Choice, Turn
from bot.conversation.steps import TASKS, next_topics
from integrations.application_status import Case, Kind, State, Task
from locales import languages, translator
from responses.catalogue import Catalogue
from tests.bot.conversation.conftest import Speak
from tests.conftest import TODAY

AT = datetime(2026, 11, 24, 15, 5, tzinfo=UTC)
NOBODY: frozenset[str] = frozenset()
INDIAN = Person(country="IN", citizenship="visa_required", level="master")
SPANISH = Person(country="ES", citizenship="eu", level="exchange")
EVERY = list(product(State, Kind))
OURS = "Kaunas University of Technology"


def case(state: State, kind: Kind = Kind.APPLICATION, **more: Any) -> Case:
    known = {"provider": "here", "id": "1", "title": "Artificial Intelligence", "since": None, "as_of": AT}
    return Case(kind=kind, state=state, **known | more)


def words(language: str = "en") -> Words:
    return Words(translator(language), language, TODAY)


def data(turn: Turn) -> list[str]:
    return [choice.data for choice in turn.reply.choices]


@pytest.mark.parametrize(("state", "kind"), EVERY)
def test_every_case_has_words_and_something_to_read_next(catalogue: Catalogue, state: State, kind: Kind) -> None:
    lines = words().describe(case(state, kind)).splitlines()
    assert lines[0].endswith(": Artificial Intelligence</b>")
    assert lines[-1].endswith((".", "!"))
    topics = next_topics(case(state, kind), Person())
    assert topics
    assert set(topics) <= set(catalogue.keys)


def test_the_sentences_differ() -> None:
    said = [words().describe(case(state)).splitlines()[-1] for state in State]
    assert len(set(said)) == len(State)


def test_a_case_is_told_with_all_that_is_known_of_it() -> None:
    full = case(
        State.ACCEPTED,
        since=datetime(2026, 11, 19, 23, 30, tzinfo=UTC),
        deadline=datetime(2026, 12, 1, 21, 59, tzinfo=UTC),
        tasks=(Task("passport", "cut off"), Task("english"), Task("english")),
        remark="Welcome  <you>\n& yours",
        url="https://apply.example.org/",
    )
    assert words().tell([full], NOBODY, NOBODY).splitlines() == [
        "<b>Application: Artificial Intelligence</b>",
        "●●●○○ Decision",
        "You are accepted. Congratulations!",
        "Since 20 November 2026",
        "⏰ Please act by 1 December 2026, 23:59 (Kaunas time).",
        "Still missing from you: Passport or ID card and English certificate",
        "The office writes: “Welcome &lt;you&gt; &amp; yours”",
        'Your own page: <a href="https://apply.example.org/">apply.example.org</a>',
        "",
        "<i>As of 24 November 2026, 17:05 (Kaunas time)</i>",
    ]


@pytest.mark.parametrize(
    ("kind", "state", "line"),
    [
        (Kind.APPLICATION, State.DRAFT, "○○○○○"),
        (Kind.APPLICATION, State.RECEIVED, "●○○○○ Received"),
        (Kind.APPLICATION, State.CONFIRMED, "●●●●○ Documents"),
        (Kind.NOMINATION, State.NOMINATED, "●○○○ Nomination"),
        (Kind.NOMINATION, State.ONGOING, "●●●○ Exchange"),
        (Kind.LEARNING_AGREEMENT, State.HOST_SIGNS, "●●●○ Host university"),
    ],
)
def test_the_way_is_shown_with_the_step_that_is_reached(kind: Kind, state: State, line: str) -> None:
    assert words().describe(case(state, kind)).splitlines()[1] == line


@pytest.mark.parametrize("state", [State.REJECTED, State.WITHDRAWN, State.CLOSED, State.UNKNOWN])
def test_what_ended_otherwise_shows_no_way(state: State) -> None:
    assert "●" not in words().describe(case(state))


def test_a_deadline_that_is_over_is_said_so_and_one_of_a_closed_case_is_not_said() -> None:
    over = AT - timedelta(days=1)
    assert "You had time until 23 November 2026, 17:05" in words().describe(case(State.ACCEPTED, deadline=over))
    assert "time" not in words().describe(case(State.DECLINED, deadline=over))


def test_an_unknown_word_gives_a_neutral_sentence_and_the_link() -> None:
    told = words().describe(case(State.UNKNOWN, url="https://apply.example.org/"))
    assert "Please look there yourself." in told
    assert "apply.example.org" in told


def test_what_is_no_web_address_is_no_link() -> None:
    assert "script" not in words().describe(case(State.UNKNOWN, url="javascript:alert()"))


def test_a_system_that_is_away_is_said_with_the_time_of_the_last_copy() -> None:
    old = case(State.RECEIVED, provider="there", as_of=AT - timedelta(hours=3))
    told = words().tell([case(State.ACCEPTED), old], frozenset({"there"}), frozenset({"elsewhere"}))
    assert told.splitlines()[-3:] == [
        "<i>As of 24 November 2026, 17:05 (Kaunas time)",
        "The university's system does not answer now. This is from 24 November 2026, 14:05 (Kaunas time).",
        "Another system of the university does not answer now, so something may be missing here.</i>",
    ]


def test_nothing_to_show_is_an_honest_sentence() -> None:
    away = "The university's system does not answer now. Please try again in a few minutes."
    assert words().tell([], NOBODY, frozenset({"there"})) == away
    assert words().tell([], NOBODY, NOBODY) == "The university's systems have no application of yours now."


def test_what_is_missing_is_listed_with_the_offices_words_as_theirs() -> None:
    tasks = (Task("passport", "The <scan> is cut off."), Task("something new"), Task("fee", "x" * 400))
    assert words().tell_missing([case(State.RECEIVED, tasks=tasks), case(State.ACCEPTED)]).splitlines() == [
        "<b>Application: Artificial Intelligence</b>",
        "• Passport or ID card. The office writes: “The &lt;scan&gt; is cut off.”",
        "• Another document",
        "• Application fee. The office writes: “" + "x" * 299 + "…”",
    ]
    assert words().tell_missing([case(State.ACCEPTED)]) == "Nothing is missing from you at the moment."


def test_every_known_task_has_a_name() -> None:
    other = name_of_task("other", translator("en"))
    assert [what for what in TASKS if name_of_task(what, translator("en")) == other] == ["other"]


def test_a_change_is_told_with_the_way_out() -> None:
    told = words().tell_change([case(State.ACCEPTED)])
    assert told.startswith("There is news about your application.\n\n<b>Application")
    assert told.endswith("/notifications changes that.</i>")


# What comes next


def test_an_admitted_indian_and_a_spanish_erasmus_student_read_different_steps() -> None:
    admitted, nominated = case(State.ACCEPTED), case(State.NOMINATED, Kind.NOMINATION, title=OURS)
    assert next_topics(admitted, INDIAN)[:3] == ("admission.offer", "permit.apply", "visa.mediation_letter")
    assert next_topics(nominated, SPANISH)[0] == "exchange_in.apply"
    assert not set(next_topics(admitted, INDIAN)) & set(next_topics(nominated, SPANISH))


@pytest.mark.parametrize(
    ("citizenship", "level", "topics"),
    [
        ("eu", "master", {"permit.eu_certificate"}),
        ("visa_free", "bachelor", {"permit.apply", "visa.mediation_letter"}),
        ("visa_required", "exchange", {"visa.national_d", "visa.documents"}),
        ("restricted", "master", {"visa.restricted"}),
        ("not_said", "master", {"visa.need"}),
        (None, None, {"visa.need"}),
    ],
)
def test_how_one_may_come_depends_on_the_passport_and_the_stay(
    citizenship: str | None, level: str | None, topics: set[str]
) -> None:
    found = next_topics(case(State.CONFIRMED), Person(citizenship=citizenship, level=level))
    assert {key for key in found if key.startswith(("visa.", "permit."))} == topics


def test_who_goes_abroad_from_ours_reads_other_steps_than_who_comes() -> None:
    accepted = case(State.ACCEPTED, Kind.NOMINATION, title="University of Valencia")
    assert next_topics(accepted, Person(country="LT"))[0] == "exchange_out.documents"
    assert next_topics(accepted, Person(direction="outgoing"))[0] == "exchange_out.documents"
    assert next_topics(replace(accepted, title="ktu.lt"), Person(country="LT"))[0] == "exchange_in.learning_agreement"


def test_what_is_missing_comes_before_waiting() -> None:
    waiting = case(State.UNDER_REVIEW, tasks=(Task("english"),))
    assert next_topics(waiting, INDIAN)[:2] == ("admission.english", "admission.decision_time")


# The whole reply


def test_the_reply_reads_out_the_next_step_for_the_persons_case(speaker: Speak, catalogue: Catalogue) -> None:
    known = {"country": "IN", "citizenship": "visa_required", "level": "master"}
    turn = Registrar(speaker(**known)).show([case(State.ACCEPTED)], NOBODY, NOBODY, tells_changes=False)
    answer = catalogue.answer("admission.offer", "en", {"citizenship": "visa_required"}, TODAY)
    assert f"<b>Next: I got an offer</b>\n<i>Your country: India</i>\n\n{answer.text[:400]}" in turn.reply.text
    assert turn.reply.text.endswith("Questions? Write to international@ktu.lt.")
    assert (turn.reply.outcome, turn.reply.key) == ("action", "admission.status")
    assert data(turn) == [
        *("link:next", "link:tell"),
        *("ask:permit.apply", "ask:visa.mediation_letter", "ask:money.payment", "ask:housing.apply"),
        "link:unlink",
    ]
    assert turn.person == Person(**known, topic="admission.status")


def test_a_step_that_depends_on_what_is_not_known_is_named_and_asked_for(speaker: Speak) -> None:
    registrar = Registrar(speaker(level="master"))
    confirmed = case(State.CONFIRMED)
    assert "<b>Next: Visa or residence permit?</b>\n\n" in registrar.show([confirmed], NOBODY, NOBODY, True).reply.text
    asked = registrar.show_next([confirmed])
    assert (asked.reply.outcome, asked.person.asked, asked.person.topic) == ("clarify", "citizenship", "visa.need")
    assert asked.person.stage is None  # what a case tells is not kept


def test_the_next_step_in_full_offers_the_further_ones(speaker: Speak) -> None:
    turn = Registrar(speaker(citizenship="visa_required", level="master")).show_next([case(State.ACCEPTED)])
    assert (turn.reply.key, turn.reply.can_be_rated) == ("admission.offer", True)
    assert {"ask:permit.apply", "ask:housing.apply"} <= set(data(turn))
    assert len(data(turn)) == len(set(data(turn)))


def test_several_cases_are_told_one_after_the_other_and_what_is_urgent_is_next(speaker: Speak) -> None:
    cases = [
        case(State.REJECTED, title="Robotics"),
        case(State.NOMINATED, Kind.NOMINATION, title=OURS),
        case(State.ACCEPTED, deadline=AT + timedelta(days=3)),
    ]
    text = Registrar(speaker(citizenship="eu")).show(cases, NOBODY, NOBODY, False).reply.text
    assert re.findall("<b>(.+?)</b>", text)[:4] == [
        "Application: Robotics",
        f"Exchange: {OURS}",
        "Application: Artificial Intelligence",
        "Next: I got an offer",
    ]


def test_what_is_missing_offers_what_explains_it(speaker: Speak) -> None:
    turn = Registrar(speaker()).show_missing([case(State.RECEIVED, tasks=(Task("english"), Task("cv"), Task("photo")))])
    assert data(turn) == ["ask:admission.english", "ask:admission.documents"]


def test_who_is_told_of_changes_can_end_it(speaker: Speak) -> None:
    registrar = Registrar(speaker())
    quiet, tell = Choice("Stop telling me", "link:quiet"), Choice("Tell me when it changes", "link:tell")
    assert quiet in registrar.show([case(State.RECEIVED)], NOBODY, NOBODY, True).reply.choices
    assert registrar.confirm_telling(True).reply.choices == (quiet,)
    assert registrar.confirm_telling(False).reply.choices == (tell,)


@pytest.mark.parametrize("language", languages())
def test_everything_said_is_html_that_telegram_takes(speaker: Speak, language: str) -> None:
    registrar = Registrar(speaker(language=language, citizenship="visa_required"))
    task = Task("fee", "<i>&")
    cases = [
        case(
            state,
            kind,
            title="A <b> & {x}",
            since=AT,
            deadline=AT,
            tasks=(task,),
            remark="{y} </b>",
            url="https://e.org/?a=1&b",
        )
        for state, kind in EVERY
    ]
    said = [
        *(registrar.show([each], frozenset({"here"}), frozenset({"there"}), True).reply.text for each in cases),
        *(registrar.show_next([each]).reply.text for each in cases),
        *(registrar.show_missing([each]).reply.text for each in cases),
        registrar.words.tell_change(cases),
        *(turn.reply.text for turn in (registrar.ask_address(), registrar.ask_address_again(), registrar.ask_code())),
        *(
            turn.reply.text
            for turn in (registrar.refuse_code(), registrar.refuse_more_codes(), registrar.confirm_link())
        ),
        *(registrar.confirm_telling(on).reply.text for on in (True, False)),
        *(registrar.confirm_unlink().reply.text, registrar.ask_to_come_in_private("https://t.me/b").reply.text),
    ]
    for text in said:
        bare = re.sub(r"</?([abi])( href=\"https?://[^\"<>]*\")?>", "", text)
        assert "<" not in bare and ">" not in bare, text
        assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", text), text
        assert "{x}" in text or "{" not in bare.replace("{y}", "")
