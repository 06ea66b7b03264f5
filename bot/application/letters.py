"""The letters to applicants, in their language."""

from __future__ import annotations

from integrations.mail import Letter
from locales import translator


def code_letter(to: str, language: str, code: str) -> Letter:
    """The code stands in the text alone: a subject is shown on locked screens."""
    _ = translator(language)
    paragraphs = (
        _("Your code for Bičiulis, the assistant of Kaunas University of Technology in Telegram: {code}").format(
            code=code
        ),
        _("Write it into the chat within ten minutes, and you can ask there where your application stands."),
        _("If you did not ask for it, do nothing: without the code nobody sees anything. Do not give it to anybody."),
    )
    return Letter(to, _("Your code for Bičiulis"), "\n\n".join(paragraphs))


def displaced_letter(to: str, language: str) -> Letter:
    """To the address of a link that another chat has taken the place of."""
    _ = translator(language)
    paragraphs = (
        _(
            "Your application to Kaunas University of Technology was linked to another chat in Telegram, with a code "
            "that was sent to this address. The chat that was linked before does not see it any more."
        ),
        _(
            "If that was not you, somebody can read your mail: change its password, and then link your application "
            "again, with /link in your chat with Bičiulis."
        ),
    )
    return Letter(to, _("Your application was linked to another chat"), "\n\n".join(paragraphs))
