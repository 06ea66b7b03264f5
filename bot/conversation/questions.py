"""How the assistant asks for what an answer depends on."""

from __future__ import annotations

from collections.abc import Callable

from bot.conversation.person import NOT_SAID
from bot.conversation.reply import Choice
from locales import Translate
from responses.policy import Aspect


def ask_citizenship(_: Translate) -> tuple[str, list[Choice]]:
    return _("The answer depends on your citizenship. Which passport do you have?"), [
        Choice(_("EU, EEA or Switzerland"), "set:citizenship:eu"),
        Choice(_("Another country"), "country"),
    ]


def ask_country(_: Translate) -> tuple[str, list[Choice]]:
    return _("Please type the name of the country whose passport you have."), []


def ask_level(_: Translate) -> tuple[str, list[Choice]]:
    return _("The answer depends on your studies. What is it about?"), [
        Choice(_("Bachelor's studies"), "set:level:bachelor"),
        Choice(_("Master's studies"), "set:level:master"),
        Choice(_("Doctoral studies"), "set:level:phd"),
        Choice(_("Exchange (one or two semesters)"), "set:level:exchange"),
        Choice(_("Traineeship"), "set:level:trainee"),
        Choice(_("I am a member of staff"), "set:level:staff"),
    ]


def ask_stage(_: Translate) -> tuple[str, list[Choice]]:
    return _("The answer depends on how far you are. What fits best?"), [
        Choice(_("I am thinking about applying"), "set:stage:prospective"),
        Choice(_("I have applied"), "set:stage:applicant"),
        Choice(_("I have been admitted"), "set:stage:admitted"),
        Choice(_("I study at KTU"), "set:stage:enrolled"),
        Choice(_("I have graduated"), "set:stage:graduate"),
    ]


def ask_direction(_: Translate) -> tuple[str, list[Choice]]:
    return _("Do you come to KTU, or do you go abroad from KTU?"), [
        Choice(_("I come to KTU"), "set:direction:incoming"),
        Choice(_("I go abroad from KTU"), "set:direction:outgoing"),
    ]


QUESTIONS: dict[str, Callable[[Translate], tuple[str, list[Choice]]]] = {
    "citizenship": ask_citizenship,
    "country": ask_country,
    "level": ask_level,
    "stage": ask_stage,
    "direction": ask_direction,
}


def ask(what: str, _: Translate) -> tuple[str, tuple[Choice, ...]]:
    """The question for one aspect and its choices, with a way out for whoever would rather not say."""
    text, choices = QUESTIONS[what](_)
    aspect = "citizenship" if what == "country" else what
    return text, (*choices, Choice(_("I'd rather not say"), f"set:{aspect}:{NOT_SAID}"))


def label_of(aspect: Aspect, _: Translate) -> str:
    """The button under an answer that could be more exact if this were known."""
    labels: dict[Aspect, str] = {
        "citizenship": _("For my citizenship"),
        "level": _("For my studies"),
        "stage": _("For where I am in my studies"),
        "direction": _("For coming or going abroad"),
    }
    return labels[aspect]


def name_of(aspect: Aspect, value: str, _: Translate) -> str | None:
    """How a choice calls a value, None for one that is never offered."""
    choices = QUESTIONS[aspect](_)[1]
    return next((choice.label for choice in choices if choice.data == f"set:{aspect}:{value}"), None)
