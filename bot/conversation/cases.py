"""Words for where an application, a nomination or a learning agreement stands, in one person's language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from zoneinfo import ZoneInfo

from babel.lists import format_list

from integrations.application_status import Case, Kind, State, Task
from locales import Translate
from responses.figures import Link, show, show_moment

KAUNAS = ZoneInfo("Europe/Vilnius")
LONGEST_QUOTE = 300  # characters of what the office wrote

# How many steps are reached; a case that ended otherwise has none.
REACHED = {
    Kind.APPLICATION: {
        State.DRAFT: 0,
        State.RECEIVED: 1,
        State.UNDER_REVIEW: 2,
        State.CONDITIONAL: 3,
        State.ACCEPTED: 3,
        State.CONFIRMED: 4,
        State.ONGOING: 5,
        State.FINISHED: 5,
    },
    Kind.NOMINATION: {
        State.DRAFT: 0,
        State.RECEIVED: 1,
        State.UNDER_REVIEW: 1,
        State.NOMINATED: 1,
        State.CONDITIONAL: 2,
        State.ACCEPTED: 2,
        State.CONFIRMED: 2,
        State.ONGOING: 3,
        State.FINISHED: 4,
    },
    Kind.LEARNING_AGREEMENT: {
        State.DRAFT: 0,
        State.STUDENT_SIGNS: 1,
        State.HOME_SIGNS: 2,
        State.HOST_SIGNS: 3,
        State.CHANGES_ASKED: 3,
        State.AGREED: 4,
        State.CHANGES_WAIT: 4,
        State.CHANGES_AGREED: 4,
    },
}


def title_of(case: Case, _: Translate, language: str) -> str:
    titles = {
        Kind.APPLICATION: _("Application: {title}"),
        Kind.NOMINATION: _("Exchange: {title}"),
        Kind.LEARNING_AGREEMENT: _("Learning agreement: {title}"),
    }
    return titles[case.kind].format(title=show("text", case.title or "–", language))


def sentence_for(state: State, _: Translate) -> str:
    """Where a case stands."""
    sentences = {
        State.DRAFT: _("You have begun it, but you have not sent it yet."),
        State.RECEIVED: _("It has arrived and waits for its review."),
        State.UNDER_REVIEW: _("It is under review. There is no decision yet."),
        State.CONDITIONAL: _("You are accepted on one condition: something more still has to arrive."),
        State.ACCEPTED: _("You are accepted. Congratulations!"),
        State.CONFIRMED: _("You are accepted, and you have taken your place."),
        State.DECLINED: _("You have said no to the place."),
        State.REJECTED: _("I am sorry: you were not accepted this time."),
        State.WITHDRAWN: _("It has been taken back."),
        State.CANCELLED: _("It has been cancelled."),
        State.CLOSED: _("It is closed."),
        State.NOMINATED: _("You are nominated. Now the host university decides."),
        State.ONGOING: _("Your stay has begun. Enjoy it!"),
        State.FINISHED: _("Your stay is over."),
        State.STUDENT_SIGNS: _("It is your turn to sign."),
        State.HOME_SIGNS: _("Your home university has to sign now."),
        State.HOST_SIGNS: _("The host university has to sign now."),
        State.CHANGES_ASKED: _("The host university asks you for changes."),
        State.AGREED: _("Everybody has signed."),
        State.CHANGES_WAIT: _("Everybody has signed, but the changes still wait for signatures."),
        State.CHANGES_AGREED: _("Everybody has signed the changes."),
        State.UNKNOWN: _("I do not know what it is called where it stands now. Please look there yourself."),
    }
    return sentences[state]


def steps_of(kind: Kind, _: Translate) -> Sequence[str]:
    """The way of a case."""
    steps = {
        Kind.APPLICATION: (_("Received"), _("Review"), _("Decision"), _("Documents"), _("Arrival")),
        Kind.NOMINATION: (_("Nomination"), _("Decision"), _("Exchange"), _("End of the exchange")),
        Kind.LEARNING_AGREEMENT: (_("You sign"), _("Home university"), _("Host university"), _("Signed by all")),
    }
    return steps[kind]


def name_of_task(what: str, _: Translate) -> str:
    """What the applicant still has to send; one more document where we have no word for it."""
    other = _("Another document")
    names = {
        "passport": _("Passport or ID card"),
        "transcript": _("Transcript of records"),
        "diploma": _("Diploma or school certificate"),
        "english": _("English certificate"),
        "motivation": _("Motivation letter"),
        "cv": _("CV"),
        "photo": _("Photo"),
        "fee": _("Application fee"),
        "recommendation": _("Letter of recommendation"),
    }
    return names.get(what, other)


@dataclass(frozen=True)
class Words:
    """Tells of cases on one day. Everything is Telegram HTML."""

    translate: Translate
    language: str
    today: date

    def tell(self, cases: Sequence[Case], stale: frozenset[str], missing: frozenset[str]) -> str:
        """All cases, and how new this is; `stale` and `missing` are names of providers that did not answer."""
        return "\n\n".join([*map(self.describe, cases), *self._how_new(cases, stale, missing)])

    def tell_change(self, cases: Sequence[Case]) -> str:
        """What a chat that wants to know of changes is told: how everything stands now."""
        _ = self.translate
        head = escape(_("There is news about your application."), quote=False)
        how_to_end = escape(_("You hear this because you asked for it. /notifications changes that."), quote=False)
        return "\n\n".join([head, *map(self.describe, cases), f"<i>{how_to_end}</i>"])

    def describe(self, case: Case) -> str:
        """Where one case stands, since when, and by when what has to be done."""
        lines = [f"<b>{title_of(case, self.translate, self.language)}</b>"]
        lines += filter(None, [self._progress(case)])
        lines.append(escape(sentence_for(case.state, self.translate), quote=False))
        lines += self._more(case)
        return "\n".join(lines)

    def tell_missing(self, cases: Iterable[Case]) -> str:
        """What each case lacks, with what the office wrote about it."""
        _ = self.translate
        blocks = [self._list_missing(case) for case in cases if case.tasks]
        nothing = escape(_("Nothing is missing from you at the moment."), quote=False)
        return "\n\n".join(blocks) or nothing

    def _progress(self, case: Case) -> str:
        steps, reached = steps_of(case.kind, self.translate), REACHED[case.kind].get(case.state)
        if reached is None:
            return ""
        signs = "●" * reached + "○" * (len(steps) - reached)
        return f"{signs} {escape(steps[reached - 1], quote=False)}" if reached else signs

    def _more(self, case: Case) -> Iterator[str]:
        _ = self.translate
        if case.since:
            day = show("date", case.since.astimezone(KAUNAS).date(), self.language)
            yield escape(_("Since {date}"), quote=False).format(date=day)
        if case.deadline and not case.state.is_final:
            yield f"⏰ {self._deadline(case.deadline)}"
        if case.tasks:
            names = format_list(
                list(dict.fromkeys(name_of_task(task.what, _) for task in case.tasks)), locale=self.language
            )
            yield escape(_("Still missing from you: {names}"), quote=False).format(names=escape(names, quote=False))
        if case.remark:
            yield escape(_("The office writes: “{text}”"), quote=False).format(text=self._quote(case.remark))
        if case.url.startswith(("https://", "http://")):
            link = show("link", Link(case.url), self.language)
            yield escape(_("Your own page: {link}"), quote=False).format(link=link)

    def _deadline(self, deadline: datetime) -> str:
        _ = self.translate
        text = _("Please act by {time} (Kaunas time).")
        if deadline.astimezone(KAUNAS).date() < self.today:
            text = _("You had time until {time} (Kaunas time). Ask the office what you can still do.")
        return self._at(text, deadline)

    def _list_missing(self, case: Case) -> str:
        title = f"<b>{title_of(case, self.translate, self.language)}</b>"
        return "\n".join([title, *(f"• {self._task(task)}" for task in case.tasks)])

    def _task(self, task: Task) -> str:
        _ = self.translate
        name = escape(name_of_task(task.what, _), quote=False)
        if not task.note:
            return name
        text = escape(_("{name}. The office writes: “{text}”"), quote=False)
        return text.format(name=name, text=self._quote(task.note))

    def _how_new(self, cases: Sequence[Case], stale: frozenset[str], missing: frozenset[str]) -> Iterator[str]:
        """As of when this is, the oldest counts; and what is not known at all."""
        _ = self.translate
        fresh = [case.as_of for case in cases if case.provider not in stale]
        old = [case.as_of for case in cases if case.provider in stale]
        lines = []
        if fresh:
            lines.append(self._at(_("As of {time} (Kaunas time)"), min(fresh)))
        if old:
            text = _("The university's system does not answer now. This is from {time} (Kaunas time).")
            lines.append(self._at(text, min(old)))
        if missing and cases:
            text = _("Another system of the university does not answer now, so something may be missing here.")
            lines.append(escape(text, quote=False))
        if lines:
            yield "<i>" + "\n".join(lines) + "</i>"
        elif missing:
            text = _("The university's system does not answer now. Please try again in a few minutes.")
            yield escape(text, quote=False)
        elif not cases:
            yield escape(_("The university's systems have no application of yours now."), quote=False)

    def _at(self, text: str, moment: datetime) -> str:
        time = show_moment(moment.astimezone(KAUNAS), self.language)
        return escape(text, quote=False).format(time=escape(time, quote=False))

    def _quote(self, text: str) -> str:
        """What staff wrote, on one line and not too long."""
        line = " ".join(text.split())
        return show("text", line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…", self.language)
