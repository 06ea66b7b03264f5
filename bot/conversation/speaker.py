"""Puts replies into words: in the person's language, from the catalogue and the interface's texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape

from babel import Locale

from bot.conversation.person import Person
from bot.conversation.questions import ask, label_of, name_of
from bot.conversation.reply import Choice, Outcome, Reply, Turn, Wish
from locales import languages, translator
from nlu.entities import country_names
from responses.catalogue import Answer, Catalogue
from responses.figures import Link, show
from responses.policy import Aspect

HUMAN, GREETING, HELP, LANGUAGE, PRIVACY = "contact.human", "talk.greet", "talk.help", "talk.language", "talk.privacy"
STATUS = "admission.status"
MENU = "menu"


@dataclass(frozen=True)
class Speaker:
    """Speaks to one person on one day."""

    catalogue: Catalogue
    person: Person
    today: date
    staff_listen: bool  # whether a question can be passed on to the staff's chat
    shows_applications: bool = False  # whether a system is connected that knows where applicants stand

    def answer(self, key: str) -> Turn:
        """The answer to a topic, or the question that has to come before it.

        Where something of the person is known that the answer depends on, it is read out at once, and
        whatever would make it more exact is offered as a button.
        """
        if self.catalogue.topic(key).kind == "action":
            return self.act(key)
        answer = self.catalogue.answer(key, self.person.language, self.person.case, self.today)
        aspect = self.catalogue.missing_aspect(key, self.person.language, self.person.case)
        if aspect and not answer.depends_on:
            return self.ask(aspect, key)
        return self._read_out(answer, aspect)

    def ask(self, what: str, key: str | None) -> Turn:
        """Asks for what the answer to a topic depends on."""
        text, choices = ask(what, translator(self.person.language))
        return self.turn("clarify", text, key=key, choices=choices, topic=key, asked=what)

    def act(self, key: str) -> Turn:
        """The reply to a request that the assistant carries out itself."""
        if key == STATUS and self.shows_applications:
            return self.offer_link()
        answer = self.catalogue.answer(key, self.person.language, self.person.case, self.today)
        _ = translator(self.person.language)
        choices: list[Choice] = []
        if key == HUMAN and self.staff_listen:
            choices.append(Choice(_("Pass my question on"), "human"))
        if key == LANGUAGE:
            choices += self._language_choices()
        if key == PRIVACY:
            choices += privacy_choices(self.person)
        choices += self.topic_choices(self.catalogue.topic(key).related)
        if key in (GREETING, HELP):
            choices.append(Choice(_("All topics"), MENU))
        text = "\n\n".join([answer.text, *self._footnotes(answer)])
        return self.turn("action", text, key=key, choices=choices, facts=answer.facts, topic=key)

    def offer_link(self) -> Turn:
        """Says what it takes to show the person's own applications, and asks whether they agree."""
        _ = translator(self.person.language)
        texts = [
            _(
                "I can show you here where your application or exchange stands, what is missing and what to do next. "
                "First you have to prove that it is yours."
            ),
            _(
                "You tell me the e-mail address that the university knows you by, and a code goes to that address. "
                "I store the address, the numbers of your applications and how they stand, all of it encrypted. "
                "I delete it when you send /unlink, and 90 days after everything is closed."
            ),
            _("Do you agree?"),
        ]
        text = escape("\n\n".join(texts), quote=False)
        choices = [Choice(_("I agree"), "link:agree"), Choice(_("Cancel"), MENU)]
        return self.turn("action", text, key=STATUS, choices=choices, topic=STATUS).wishing(Wish("status"))

    def offer(self, keys: tuple[str, ...]) -> Turn:
        """Asks back which of several close meanings is meant."""
        _ = translator(self.person.language)
        choices = [*self._question_choices(keys), Choice(_("Something else"), MENU)]
        return self.turn("clarify", _("Which of these do you mean?"), keys=keys, choices=choices)

    def admit(self, nearest: tuple[str, ...]) -> Turn:
        """Says that it does not know and offers the nearest topics and a person."""
        _ = translator(self.person.language)
        text = _(
            "I am not sure that I can answer this. Perhaps one of these topics helps, or ask a person at the office."
        )
        choices = self._question_choices(dict.fromkeys([*nearest, HUMAN]))
        return self.turn("fallback", text, keys=nearest, choices=choices)

    def excuse_model(self) -> Turn:
        """Says that written questions are not understood at the moment; the menu works all the same."""
        _ = translator(self.person.language)
        text = _("I cannot read questions right now. Please pick a topic from the list, or try again in a minute.")
        return self.turn("fallback", text, choices=[*self._area_choices(), *self._question_choices([HUMAN])])

    def menu(self) -> Turn:
        _ = translator(self.person.language)
        return self.turn("action", _("What would you like to know? Pick an area."), choices=self._area_choices())

    def area(self, area: str) -> Turn:
        _ = translator(self.person.language)
        choices = [*self.topic_choices(self.catalogue.keys_of(area)), Choice("↩ " + _("All topics"), MENU)]
        title = self.catalogue.areas(self.person.language)[area]
        return self.turn("action", f"<b>{escape(title)}</b>", choices=choices)

    def old_button(self) -> Turn:
        _ = translator(self.person.language)
        text = _("This button is from an older message and does not work any more. Please pick an area.")
        return self.turn("action", text, choices=self._area_choices())

    def noted(self) -> Turn:
        _ = translator(self.person.language)
        return self.turn("action", _("Thank you, I will keep that in mind. What would you like to know?"))

    def which_country(self, countries: list[str], key: str | None) -> Turn:
        """Asks back which country was meant, or says that none was recognised."""
        _ = translator(self.person.language)
        names = country_names(self.person.language)
        text = _("Which country do you mean?")
        if not countries:
            text = _("I do not recognise this country. Please check the spelling, or type its name in English.")
        __, ways_out = ask("country", _)
        choices = [Choice(names[code], f"set:country:{code}") for code in countries] + list(ways_out)
        return self.turn("clarify", text, key=key, choices=choices, asked="country")

    def invite_question(self) -> Turn:
        _ = translator(self.person.language)
        text = _(
            "Please write your question in one message now. I will pass it on to the International Relations "
            "Department together with your Telegram name, so that they can answer you. "
            "Choose “Cancel” if you do not want that."
        )
        return self.turn("action", text, key=HUMAN, choices=[Choice(_("Cancel"), MENU)], asked="question")

    def passed_on(self, question: str) -> Turn:
        _ = translator(self.person.language)
        text = _("Thank you. I have passed your question on to the International Relations Department.")
        turn = self.turn("action", text, key=HUMAN)
        return replace(turn, reply=replace(turn.reply, pass_on=question))

    def not_passed_on(self) -> Turn:
        _ = translator(self.person.language)
        text = _("I could not pass your question on. Please write to {email} yourself.").format(
            email=self.office_email()
        )
        return self.turn("action", text, key=HUMAN)

    def ask_for_words(self) -> Turn:
        _ = translator(self.person.language)
        text = _("I can only read text. Please write your question in words, or pick an area.")
        return self.turn("action", text, choices=self._area_choices())

    def unknown_command(self) -> Turn:
        _ = translator(self.person.language)
        text = _("I do not know this command. Please write your question in words, or pick an area.")
        return self.turn("action", text, choices=self._area_choices())

    def consented(self) -> Turn:
        _ = translator(self.person.language)
        text = _(
            "Thank you. From now on I keep the texts of your messages, without e-mail addresses, links and numbers, "
            "so that the office can improve the answers. You can change this any time with /privacy."
        )
        return self.turn("action", text, key=PRIVACY)

    def withdrew_consent(self) -> Turn:
        _ = translator(self.person.language)
        text = _("Done. I have deleted the texts of your messages and keep none from now on.")
        return self.turn("action", text, key=PRIVACY)

    def show_data(self, exchanges: int, texts: int, more: Sequence[str] = ()) -> Turn:
        """Everything that is stored about the person; `more` lines are about their link, which can be undone."""
        _ = translator(self.person.language)
        person = self.person
        country = country_names(person.language).get(person.country or "")
        topic = self.catalogue.title(person.topic, person.language) if person.topic else "–"
        lines = [
            _("This is what I store about you:"),
            "• " + _("Language: {language}").format(language=person.language),
            "• " + _("Citizenship: {citizenship}").format(citizenship=country or person.citizenship or "–"),
            "• "
            + _("Studies: {studies}").format(
                studies=", ".join(filter(None, (person.level, person.stage, person.direction))) or "–"
            ),
            "• " + _("Last topic: {topic}").format(topic=topic),
            "• "
            + _("Recorded questions: {count}; of these with their text: {texts}").format(count=exchanges, texts=texts),
            *("• " + line for line in more),
        ]
        choices = privacy_choices(person) + ([Choice(_("Unlink my application"), "link:unlink")] if more else [])
        return self.turn("action", escape("\n".join(lines), quote=False), key=PRIVACY, choices=choices)

    def ask_to_delete(self) -> Turn:
        _ = translator(self.person.language)
        text = _("Shall I delete everything that I know about you? This cannot be undone.")
        choices = [Choice(_("Yes, delete everything"), "privacy:delete:yes"), Choice(_("Cancel"), MENU)]
        return self.turn("action", text, key=PRIVACY, choices=choices)

    def deleted(self) -> Turn:
        _ = translator(self.person.language)
        return self.turn("action", _("Done. I have deleted everything that I knew about you."), key=PRIVACY)

    def went_wrong(self) -> Turn:
        _ = translator(self.person.language)
        text = _("Something went wrong on our side. Please try again in a minute, or write to {email}.")
        return self.turn("fallback", text.format(email=self.office_email()))

    def note_language(self, turn: Turn) -> Turn:
        """Says above a reply that it is not in the language that was asked in."""
        _ = translator(self.person.language)
        return self._note(turn, _("I do not write in your language yet. /language shows the ones I know."))

    def note_place(self, turn: Turn) -> Turn:
        """Says above a reply that it is not about the place that was asked about."""
        _ = translator(self.person.language)
        return self._note(turn, _("I only know about KTU and life in Kaunas. This is how it is here:"))

    def _note(self, turn: Turn, note: str) -> Turn:
        return replace(turn, reply=replace(turn.reply, text=f"<i>{escape(note, quote=False)}</i>\n\n{turn.reply.text}"))

    def office_email(self) -> str:
        return self.catalogue.figure("international_office_email", self.person.language, self.today)

    def _read_out(self, answer: Answer, aspect: Aspect | None) -> Turn:
        text = "\n\n".join([*self._assumption(answer), answer.text, *self._footnotes(answer)])
        _ = translator(self.person.language)
        choices = [Choice(label_of(aspect, _), f"narrow:{aspect}")] if aspect else []
        choices += self.topic_choices(self.catalogue.topic(answer.key).related)
        if self._for_country(answer):
            choices.append(Choice(_("Another country"), "country"))
        if self._for_level(answer):
            choices.append(Choice(_("Another level of study"), "narrow:level"))
        turn = self.turn("answer", text, key=answer.key, choices=choices, facts=answer.facts, topic=answer.key)
        return replace(turn, reply=replace(turn.reply, can_be_rated=True))

    def _assumption(self, answer: Answer) -> Iterable[str]:
        """What we take the person to be where the answer depends on it."""
        _ = translator(self.person.language)
        lines = []
        if self._for_country(answer):
            country = country_names(self.person.language)[self.person.country or ""]
            lines.append(_("Your country: {country}").format(country=country))
        if level := self._for_level(answer):
            lines.append(_("Studies: {studies}").format(studies=level))
        if lines:
            yield "<i>" + escape("\n".join(lines), quote=False) + "</i>"

    def _for_country(self, answer: Answer) -> bool:
        return "citizenship" in answer.depends_on and self.person.country is not None

    def _for_level(self, answer: Answer) -> str | None:
        """The person's studies in words where the answer is for them."""
        if "level" not in answer.depends_on or self.person.level is None:
            return None
        return name_of("level", self.person.level, translator(self.person.language))

    def _footnotes(self, answer: Answer) -> Iterable[str]:
        """Below an answer: where and when it was checked, and whether to trust it."""
        _ = translator(self.person.language)
        notes = []
        if answer.language != self.person.language:
            notes.append(escape(_("I have this answer only in English so far."), quote=False))
        if answer.machine_made:
            notes.append(escape(_("This translation has not been checked by a person yet."), quote=False))
        if answer.outdated:
            notes.append(
                "⚠️ " + escape(_("Parts of this may be out of date. Please check before you rely on it."), quote=False)
            )
        if answer.source and answer.checked:
            link = show("link", Link(answer.source), self.person.language)
            day = show("date", answer.checked, self.person.language)
            notes.append(escape(_("Source: {link}, last checked on {date}"), quote=False).format(link=link, date=day))
        return ["<i>" + "\n".join(notes) + "</i>"] if notes else []

    def topic_choices(self, keys: Iterable[str]) -> list[Choice]:
        return [Choice(self.catalogue.title(key, self.person.language), f"ask:{key}") for key in keys]

    def _question_choices(self, keys: Iterable[str]) -> list[Choice]:
        return [Choice(self.catalogue.question(key, self.person.language), f"ask:{key}") for key in keys]

    def _area_choices(self) -> list[Choice]:
        areas = self.catalogue.areas(self.person.language)
        return [Choice(title, f"area:{area}") for area, title in areas.items() if area != "talk"]

    def _language_choices(self) -> list[Choice]:
        names = {code: Locale(code).get_display_name() or code for code in languages()}
        return [Choice(name[:1].upper() + name[1:], f"lang:{code}") for code, name in names.items()]

    def turn(
        self,
        outcome: Outcome,
        text: str,
        *,
        key: str | None = None,
        keys: tuple[str, ...] = (),
        choices: Iterable[Choice] = (),
        facts: tuple[str, ...] = (),
        topic: str | None = None,
        asked: str | None = None,
    ) -> Turn:
        reply = Reply(
            outcome=outcome,
            language=self.person.language,
            text=text,
            key=key,
            keys=keys or ((key,) if key else ()),
            choices=tuple(choices),
            facts=facts,
        )
        return Turn(reply, replace(self.person, topic=topic or self.person.topic, asked=asked))


def privacy_choices(person: Person) -> list[Choice]:
    """What a person can do about what is stored of them."""
    _ = translator(person.language)
    keep = Choice(_("You may keep my messages"), "privacy:keep")
    stop = Choice(_("Stop keeping my messages"), "privacy:stop")
    return [
        stop if person.consent else keep,
        Choice(_("Show my data"), "privacy:show"),
        Choice(_("Delete my data"), "privacy:delete"),
    ]
