"""The stand-in: letters are shown where the program runs."""

from __future__ import annotations

import sys

from integrations.mail.letter import Letter


class PrintedMail:
    """Prints letters to standard error: standard output belongs to whoever pipes it elsewhere."""

    async def send(self, letter: Letter) -> None:
        print(f"Letter to {letter.to}\nSubject: {letter.subject}\n\n{letter.text}\n", file=sys.stderr, flush=True)
