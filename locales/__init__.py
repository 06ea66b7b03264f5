"""The interface's languages: gettext catalogues, read straight from the .po files that translators edit."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent
Translate = Callable[[str], str]


def translator(language: str) -> Translate:
    """The function that translates an interface text; where we lack the language, texts stay English."""
    return _catalogue(language).gettext


@cache
def languages() -> tuple[str, ...]:
    """The languages of the interface: English, in which the texts are written, and those with a catalogue."""
    return ("en", *sorted(path.parent.parent.name for path in FOLDER.glob("*/LC_MESSAGES/messages.po")))


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    path = FOLDER / language / "LC_MESSAGES/messages.po"
    if not path.exists():
        return gettext.NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
