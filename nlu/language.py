"""Which language is a message in?"""

from __future__ import annotations

import eldc

LANGUAGES = ("en", "lt", "uk", "ru", "pl", "de", "fr", "es", "tr", "az", "ar", "zh")
WITHOUT_SPACES = ("zh", "ja", "th")  # a question in these is one long "word"


class LanguageDetector:
    """Tells languages apart by their letter sequences; loading it takes a moment once."""

    def __init__(self) -> None:
        eldc.init()
        self._detector = eldc.instance()

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
        if guess.reliable or (guess.language in LANGUAGES and words > 2):
            return str(guess.language)
        return current
