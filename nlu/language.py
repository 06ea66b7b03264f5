"""Which language is a message in?"""

from __future__ import annotations

import re

import eldc
from py3langid import langid

LANGUAGES = ("en", "lt", "uk", "ru", "pl", "de", "fr", "es", "tr", "az", "ar", "zh")
WITHOUT_SPACES = ("zh", "ja", "th")  # a question in these is one long "word"
# Often typed in Latin letters, which no detector knows; words that no other language of ours has.
IN_LATIN = {
    "ru": (
        "kak chto gde kogda skolko nuzhno nujno mozhno mojno mogu esli eto menya kakie kakoy kakaya kakoi "
        "uzhe eshe esche stoit obshchezhitie obshaga poluchit pochemu zachem otkuda budet poka tolko spasibo "
        "zdravstvuyte ucheba obuchenie stipendiya chtoby mne nuzhna nujna nuzhny dlya ili moy moya sdelat priehat "
        "priekhat obyazatelno srazu posle pered rabotat uchitsya pozhaluysta podskazhite"
    ),
    "uk": (
        "yak yaki shcho scho koly skilky treba mozhna yakshcho yakscho meni mene abo vzhe chomu potribno "
        "potribna navchannia navchannya navchatys hurtozhytok gurtozhytok otrymaty dyakuyu diakuiu zvidky "
        "tilky bude pryvit chy dlia vstup vstupu stypendiya koshtuye koshtuie"
    ),
}


class LanguageDetector:
    """Tells languages apart by their letter sequences; loading it takes a moment once."""

    def __init__(self) -> None:
        eldc.init()
        self._detector = eldc.instance()
        self._second = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
        self._second.set_languages(list(LANGUAGES))

    def detect(self, text: str, current: str) -> str:
        """The language of a text by its two-letter code, or `current` where the text is too short to tell.

        The answer may be a language that we do not speak. One word says little about its language
        ("visa", "ok" and "Erasmus" belong to many).
        """
        text = text.encode("utf-8", "ignore").decode("utf-8")  # the detector refuses lone surrogates
        letters = sum(letter.isalpha() for letter in text)
        words = sum(any(letter.isalpha() for letter in word) for word in text.split())
        guess = self._detector.detect_details(text)
        if words < 2 and not (guess.language in WITHOUT_SPACES and letters > 2):
            return current
        if in_latin := _written_in_latin(text):
            return in_latin
        if guess.reliable or (guess.language in LANGUAGES and words > 2):
            return str(guess.language)
        # Two words that the first is unsure of: believed where a second detector says the same. Believing the
        # second alone made more mistakes, most of them in Arabic and Ukrainian that is typed in Latin letters.
        return str(guess.language) if self._second.classify(text)[0] == guess.language else current


def _written_in_latin(text: str) -> str | None:
    words = set(re.findall(r"[a-z]+", text.casefold()))
    hits = {language: len(words.intersection(theirs.split())) for language, theirs in IN_LATIN.items()}
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] >= 2 else None
