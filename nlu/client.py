"""Asks the Rasa server what a text means."""

from __future__ import annotations

import httpx2

from nlu.understanding import Guess, Understanding

SECONDS = 5.0
LONGEST = 4096  # characters; Telegram's own limit, the model itself reads fewer


class Unavailable(Exception):
    """The Rasa server does not answer, or not sensibly: nothing is known about the text."""


class NluClient:
    """One Rasa server, asked once within a time limit; everything that goes wrong is `Unavailable`."""

    def __init__(self, url: str, token: str, seconds: float = SECONDS) -> None:
        # Made once: putting an address together for each text takes a seventh of the time of a call.
        self._parse, self._status = (
            httpx2.URL(f"{url.rstrip('/')}/{path}", params={"token": token}) for path in ("model/parse", "status")
        )
        self.name = self._parse.netloc.decode()
        self._http = httpx2.AsyncClient(timeout=seconds)

    async def parse(self, text: str) -> Understanding:
        """The meanings of a text. Raises Unavailable."""
        clean = text.encode("utf-8", "ignore").decode("utf-8")[:LONGEST]
        try:
            answer = await self._ask(clean)
            ranking = tuple(Guess(each["name"], float(each["confidence"])) for each in answer["intent_ranking"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error
        return Understanding(ranking)

    async def is_ready(self) -> bool:
        """Whether the server is up and has its model loaded."""
        try:
            return (await self._http.get(self._status, timeout=2)).is_success
        except httpx2.HTTPError:
            return False

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, text: str) -> dict[str, list[dict[str, str]]]:
        response = await self._http.post(self._parse, json={"text": text})
        response.raise_for_status()
        answer = response.json()
        if not isinstance(answer, dict):
            raise ValueError("no object")
        return answer
