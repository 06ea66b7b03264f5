"""The conversation about one's own application: proving that it is yours, how it stands, and being told of changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from bot.application.linking import Described
from bot.conversation.cases import KAUNAS, Words
from bot.conversation.person import Person
from bot.conversation.reply import Choice, Turn
from bot.conversation.speaker import MENU, STATUS, Speaker
from bot.conversation.steps import as_told_by, missing_topics, next_topics
from bot.rendering import split_html
from integrations.application_status import Case
from locales import Translate, translator
from responses.figures import show

LONGEST_STEP = 900  # characters of the next step below where a case stands; the button has all
MOST_TOPICS = 4


@dataclass(frozen=True)
class Registrar:
    speaker: Speaker

    @property
    def person(self) -> Person:
        return self.speaker.person

    @property
    def words(self) -> Words:
        return Words(self._translate, self.person.language, self.speaker.today)

    def ask_address(self) -> Turn:
        _ = self._translate
        text = _("Please type the e-mail address that the university knows you by.")
        return self._turn(text, [Choice(_("Cancel"), MENU)], asked="address")

    def ask_address_again(self) -> Turn:
        _ = self._translate
        text = _("This is not an e-mail address. Please type it again, for example: name@example.org")
        return self._turn(text, [Choice(_("Cancel"), MENU)], asked="address")

    def ask_code(self) -> Turn:
        """The same whether the address is known or not."""
        _ = self._translate
        text = _(
            "If the university knows this address, a letter with six digits is on its way to it. "
            "Please type them here within ten minutes. Is there no letter? Look into the spam folder, "
            "or check how you typed the address."
        )
        choices = [Choice(_("Another address"), "link:agree"), Choice(_("Cancel"), MENU)]
        return self._turn(text, choices, asked="code")

    def refuse_more_codes(self) -> Turn:
        _ = self._translate
        text = _("You have asked for many codes. Please try again in an hour, or write to {email}.")
        return self._turn(text)

    def refuse_code(self) -> Turn:
        _ = self._translate
        text = _("This code is wrong or too old. Please check it, or ask for a new one.")
        choices = [Choice(_("Ask for a new code"), "link:agree"), Choice(_("Cancel"), MENU)]
        return self._turn(text, choices, asked="code")

    def confirm_link(self) -> Turn:
        _ = self._translate
        text = _("Thank you, now I know that it is you. I am looking up how it stands.")
        return self._turn(text, [Choice(_("Show my application"), "link:show")])

    def show(self, cases: Sequence[Case], stale: frozenset[str], missing: frozenset[str], tells_changes: bool) -> Turn:
        """How everything stands, what to do next in the first case that is not over, and whom to write to."""
        _ = self._translate
        text, topics = self.words.tell(cases, stale, missing), self._topics(cases)
        if topics:
            text = f"{text}\n\n{self._next_step(topics[0][0], topics[0][1])}"
        whom = escape(_("Questions? Write to {email}."), quote=False).format(email=self.speaker.office_email())
        choices = [Choice(_("What is missing"), "link:missing")] if any(case.tasks for case in cases) else []
        choices += [Choice(_("Next step"), "link:next")] if topics else []
        choices += [self._choice_of_telling(tells_changes)] if cases else []
        choices += self.speaker.topic_choices(key for key, __ in topics[1 : MOST_TOPICS + 1])
        choices.append(Choice(_("Unlink my application"), "link:unlink"))
        return self._html(f"{text}\n\n{whom}", choices)

    def show_missing(self, cases: Sequence[Case]) -> Turn:
        """What the office still waits for, and what explains it."""
        keys = dict.fromkeys(key for case in cases for key in missing_topics(case))
        return self._html(self.words.tell_missing(cases), self.speaker.topic_choices(keys))

    def show_next(self, cases: Sequence[Case]) -> Turn:
        """The answer to the topic that comes next, and the further ones; asks for what it depends on."""
        topics = self._topics(cases)
        if not topics:
            return self._html(self.words.tell(cases, frozenset(), frozenset()), [])
        (key, person), *others = topics
        turn = replace(self.speaker, person=person).answer(key)
        if turn.reply.outcome == "answer":
            known = {choice.data for choice in turn.reply.choices}
            more = [each for each in self.speaker.topic_choices(key for key, __ in others) if each.data not in known]
            turn = replace(turn, reply=replace(turn.reply, choices=(*turn.reply.choices, *more)))
        # What a case tells is not kept with the person: it is deleted with the link.
        return Turn(turn.reply, replace(self.person, topic=turn.person.topic, asked=turn.person.asked))

    def confirm_telling(self, on: bool) -> Turn:
        _ = self._translate
        text = _("I will not tell you about changes any more.")
        if on:
            text = _("I will write to you here when something changes, but not between 22:00 and 8:00 if it can wait.")
        return self._turn(text, [self._choice_of_telling(on)])

    def confirm_unlink(self) -> Turn:
        _ = self._translate
        text = _("Done. I have deleted what I stored of your application.")
        return self._turn(text, [Choice(_("Show my application"), "link:show")])

    def ask_to_come_in_private(self, address: str) -> Turn:
        """Others read in a group."""
        _ = self._translate
        text = _("Your application is nobody else's business, so I talk about it in a private chat only: {link}")
        return self._html(escape(text, quote=False).format(link=address), [])

    def say_displaced(self) -> str:
        """What the chat and the address of an earlier link are told; plain text."""
        _ = self._translate
        text = _(
            "Your application at Kaunas University of Technology was linked to another Telegram chat, "
            "and the chat that it was linked to before cannot see it any more. If that was not you, write to {email}."
        )
        return text.format(email=self.speaker.office_email())

    def describe_link(self, link: Described) -> list[str]:
        """What is stored of the link, a line each, as plain text."""
        _ = self._translate
        since = show("date", link.since.astimezone(KAUNAS).date(), self.person.language)
        telling = (
            _("Changes of your application: I tell you")
            if link.tell_changes
            else _("Changes of your application: I do not tell you")
        )
        return [
            _("Linked to your application since {date}, by the address {address}").format(
                date=since, address=link.address
            ),
            telling,
            _("Times that I looked it up: {count}").format(count=link.look_ups),
        ]

    def _topics(self, cases: Sequence[Case]) -> list[tuple[str, Person]]:
        """What to read next, each with the person as the case tells of them: open cases first, by their deadlines."""
        urgent = sorted(
            cases, key=lambda case: (case.state.is_final, case.deadline is None, case.deadline or case.as_of)
        )
        found: dict[str, Person] = {}
        for case in urgent:
            for key in next_topics(case, self.person):
                if key in self.speaker.catalogue.keys:
                    found.setdefault(key, as_told_by(case, self.person))
        return list(found.items())

    def _next_step(self, key: str, person: Person) -> str:
        """The topic's answer under its name; where it depends on what is not known yet, only its name."""
        _ = self._translate
        title = self.speaker.catalogue.title(key, self.person.language)
        head = "<b>" + escape(_("Next: {topic}"), quote=False).format(topic=escape(title, quote=False)) + "</b>"
        turn = replace(self.speaker, person=person).answer(key)
        if turn.reply.outcome != "answer":
            return head
        first, *more = split_html(turn.reply.text, LONGEST_STEP)
        return f"{head}\n{first}{' …' if more else ''}"

    def _choice_of_telling(self, on: bool) -> Choice:
        _ = self._translate
        return Choice(_("Stop telling me"), "link:quiet") if on else Choice(_("Tell me when it changes"), "link:tell")

    @property
    def _translate(self) -> Translate:
        return translator(self.person.language)

    def _turn(self, text: str, choices: Sequence[Choice] = (), asked: str | None = None) -> Turn:
        shown = escape(text, quote=False).format(email=self.speaker.office_email())
        return self.speaker.turn("action", shown, key=STATUS, choices=choices, topic=STATUS, asked=asked)

    def _html(self, text: str, choices: Sequence[Choice]) -> Turn:
        return self.speaker.turn("action", text, key=STATUS, choices=choices, topic=STATUS)
