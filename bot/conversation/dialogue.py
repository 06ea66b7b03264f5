"""The conversation itself: what a person wrote or pressed, and what they get for it.

Nothing here knows of Telegram or of the database. A cry for help comes before everything else, then
the answer to what we asked, then what the model makes of the message. An e-mail address or a code by which
somebody proves who they are never gets as far as the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from html import escape
from typing import Protocol

from bot.conversation.person import Person
from bot.conversation.proofs import find_address, find_code
from bot.conversation.registrar import Registrar
from bot.conversation.reply import Turn, Wish
from bot.conversation.speaker import Speaker
from locales import languages
from nlu.client import Unavailable
from nlu.entities import (
    country_names,
    find_country,
    find_entities,
    is_cry_for_help,
    leans_on_before,
    names_elsewhere,
)
from nlu.language import LanguageDetector
from nlu.mentions import find_mentions
from nlu.questions import count_words, split_questions
from nlu.understanding import CRISIS, Understanding, is_small_talk, judge
from responses.catalogue import Catalogue
from responses.policy import VALUES

SHORT = 6  # words of a message that may lean on the one before
BARE = 3  # words of a message that names nothing but another place
SURE = 0.8  # a message that the model is this sure of stands for itself even if it begins with "and"
CLEAR = 0.5  # a message that the model is this sure of is more than the name of a country or level


class Understands(Protocol):
    async def parse(self, text: str) -> Understanding:
        """The meanings of a text. Raises nlu.client.Unavailable."""


class Dialogue:
    """Answers from the current catalogue with what the model understands."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        nlu: Understands,
        detector: LanguageDetector,
        today: Callable[[], date],
        staff_listen: bool = False,
        shows_applications: bool = False,
    ) -> None:
        self._catalogue, self._nlu, self._detector = catalogue, nlu, detector
        self._today, self._staff_listen, self._shows_applications = today, staff_listen, shows_applications

    async def hear(self, text: str, person: Person) -> Turn:
        """The reply to a written message."""
        language = self._detector.detect(text, person.language)
        if language in languages():
            person = replace(person, language=language)
        if is_cry_for_help(text, language):
            return self.speaker(person).answer(CRISIS)
        if person.asked == "question" and self._staff_listen:
            return self.speaker(person).passed_on(text)
        if self._shows_applications and (turn := self._take_proof(text, person)):
            return turn
        try:
            understanding = await self._nlu.parse(text)
        except Unavailable:
            return self._hear_without_model(text, person)
        entities = find_entities(text, person.language) | find_mentions(text, person.language)
        understanding = replace(understanding, entities=entities)
        turn = await self._reply(text, person, understanding)
        turn = replace(turn, reply=replace(turn.reply, understanding=understanding))
        return turn if language in languages() else self.speaker(person).note_language(turn)

    def press(self, data: str, person: Person) -> Turn:
        """The reply to a pressed button; what no longer exists is answered with the menu."""
        speaker = self.speaker(person)
        match data.split(":"):
            case ["menu"]:
                return self.speaker(replace(person, asked=None)).menu()
            case ["area", area] if area in speaker.catalogue.areas(person.language):
                return speaker.area(area)
            case ["ask", key] if key in speaker.catalogue.keys:
                return speaker.answer(key)
            case ["country"]:
                return speaker.ask("country", person.topic)
            case ["narrow", aspect] if aspect in VALUES:
                return speaker.ask(aspect, person.topic)
            case ["set", aspect, value] if _is_known(aspect, value):
                return self._remember(aspect, value, person)
            case ["lang", language] if language in languages():
                return self.speaker(replace(person, language=language)).menu()
            case ["human"] if self._staff_listen:
                return speaker.invite_question()
        return speaker.old_button()

    def open(self, start: str, person: Person) -> Turn | None:
        """The reply to a link that names an area or a topic ("visa", "visa-need"), None where it names neither."""
        speaker = self.speaker(person)
        if start in speaker.catalogue.areas(person.language):
            return speaker.area(start)
        key = start.replace("-", ".", 1)
        return speaker.answer(key) if key in speaker.catalogue.keys else None

    def speaker(self, person: Person) -> Speaker:
        return Speaker(self._catalogue(), person, self._today(), self._staff_listen, self._shows_applications)

    def registrar(self, person: Person) -> Registrar:
        return Registrar(self.speaker(person))

    def _take_proof(self, text: str, person: Person) -> Turn | None:
        """What an e-mail address or a code is answered with; None for what goes on as any other message."""
        registrar, linking = self.registrar(person), person.asked in ("address", "code")
        if address := find_address(text):
            if linking:
                return registrar.ask_code().wishing(Wish("address", address))
            return self.speaker(person).offer_link() if len(text.split()) == 1 else None
        if code := find_code(text, alone=person.asked != "code"):
            return registrar.refuse_code().wishing(Wish("code", code))
        is_mistyped = "@" in text or ("." in text.strip(".") and len(text.split()) == 1)
        return registrar.ask_address_again() if person.asked == "address" and is_mistyped else None

    async def _reply(self, text: str, person: Person, understanding: Understanding) -> Turn:
        if judge(understanding).keys == (CRISIS,):
            return self.speaker(person).answer(CRISIS)
        several = await self._tell_apart(text, person.language, understanding) if person.asked is None else ()
        if CRISIS in several:
            return self.speaker(person).answer(CRISIS)
        if several:
            return self._answer_all(several, person, understanding)
        return self._take_up(text, person, understanding)

    async def _tell_apart(self, text: str, language: str, understanding: Understanding) -> tuple[str, ...]:
        """The topics of a message with several questions, in order; none where it has one, or one is unclear.

        Where one part is a cry for help, that alone.
        """
        considered = {guess.key for guess in understanding.topics}
        for parts in split_questions(text, language):
            try:
                understandings = [await self._nlu.parse(part) for part in parts]
            except Unavailable:
                return ()
            keys = dict.fromkeys(_answerable(understandings))
            if CRISIS in keys:
                return (CRISIS,)
            # Each part must be sure by itself, and the whole must sound like all of them: the background
            # of one question can look like another.
            if len(keys) == len(parts) and keys.keys() <= considered and not any(map(is_small_talk, keys)):
                return tuple(keys)
        return ()

    def _answer_all(self, keys: tuple[str, ...], person: Person, understanding: Understanding) -> Turn:
        """The answers to several topics as one reply, each under its title."""
        speaker = self.speaker(person)
        turns = [self._answer(key, person, understanding) for key in keys]
        texts = [
            f"<b>{escape(speaker.catalogue.question(key, person.language), quote=False)}</b>\n{turn.reply.text}"
            for key, turn in zip(keys, turns, strict=True)
        ]
        asking = next((turn for turn in turns if turn.person.asked), turns[-1])  # what is asked back keeps its buttons
        reply = replace(
            asking.reply,
            outcome="answer",
            wish=None,
            text="\n\n".join(texts),
            key=keys[0],
            keys=keys,
            facts=tuple(dict.fromkeys(fact for turn in turns for fact in turn.reply.facts)),
        )
        return Turn(reply, asking.person)

    def _take_up(self, text: str, person: Person, understanding: Understanding) -> Turn:
        topic, short = person.topic, count_words(text) <= SHORT
        leans = topic is not None and short and leans_on_before(text, person.language)
        verdict = judge(understanding)
        best = understanding.ranking[0].confidence if understanding.ranking else 0.0
        if person.asked in ("citizenship", "country"):
            countries = find_country(text, person.language)
            if len(countries) == 1 and (short or best < CLEAR):
                return self._remember("country", countries[0], person)
            if best < CLEAR or len(countries) > 1:
                return self.speaker(person).which_country(countries, topic)
        unclear = verdict.outcome != "answer" and best < (SURE if leans else CLEAR)
        if topic and short and unclear and understanding.tells_of_the_person:  # "and for master's?", "I am from India"
            return self._answer(topic, person, understanding)
        if topic and leans:
            if count_words(text) <= BARE and names_elsewhere(text, person.language):  # "and in Vilnius?"
                return self.speaker(person).note_place(self._answer(topic, person, understanding))
            verdict = judge(understanding.leaning_to(topic))  # "and how much does it cost?"
        if verdict.outcome == "answer":
            return self._answer(verdict.keys[0], person, understanding)
        speaker = self.speaker(replace(person, asked=None))
        return speaker.offer(verdict.keys) if verdict.outcome == "clarify" else speaker.admit(verdict.keys)

    def _answer(self, key: str, person: Person, understanding: Understanding) -> Turn:
        """Answers a topic, remembering what the message told of the person where the topic depends on it."""
        varies_by = self._catalogue().topic(key).varies_by
        country = understanding.entities.get("country")
        if country and "citizenship" in varies_by:
            person = person.with_country(country, self._catalogue().citizenship_of)
        for aspect in ("level", "direction"):
            if (told := understanding.entities.get(aspect)) and aspect in varies_by:
                person = person.with_aspect(aspect, told)
        return self.speaker(person).answer(key)

    def _remember(self, aspect: str, value: str, person: Person) -> Turn:
        if aspect == "country":
            person = person.with_country(value, self._catalogue().citizenship_of)
        else:
            person = person.with_aspect(aspect, value)
        person = replace(person, asked=None)
        return self.speaker(person).answer(person.topic) if person.topic else self.speaker(person).noted()

    def _hear_without_model(self, text: str, person: Person) -> Turn:
        """While the model is away, what we asked for can still be taken up, and the menu works."""
        if person.asked in ("citizenship", "country"):
            countries = find_country(text, person.language)
            if len(countries) == 1:
                return self._remember("country", countries[0], person)
        return self.speaker(person).excuse_model()


def _answerable(understandings: Iterable[Understanding]) -> Iterator[str]:
    """The topic of each part that is clear, by itself or after the part before: "… and how long does it take?"."""
    before: str | None = None
    for understanding in understandings:
        verdict = judge(understanding)
        if verdict.outcome != "answer" and before:
            verdict = judge(understanding.leaning_to(before))
        before = verdict.keys[0] if verdict.outcome == "answer" else None
        if before:
            yield before


def _is_known(aspect: str, value: str) -> bool:
    if aspect == "country":
        return value in country_names("en")
    return any(aspect == name and value in (*values, "not_said") for name, values in VALUES.items())
