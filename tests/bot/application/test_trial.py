"""The terminal with invented applicants: linking one, and watching what happens to them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from bot import console
from bot.app import build_application, open_services
from bot.application import trial
from bot.application.tables import Link, LinkedApplicant, ProviderCursor
from bot.context import Services
from bot.running import attend
from bot.settings import Settings
from integrations.database import utc_now
from integrations.mail import PrintedMail
from tests.conftest import ScriptedNlu

SECONDS = 60


@pytest.fixture
def settings(folder: Path) -> Settings:
    """With a mail server that nobody is to be written to from."""
    return Settings(_env_file=None, data_dir=folder, smtp_url="smtp://127.0.0.1:9", mail_from="biciulis@ktu.lt")


@pytest.fixture
async def invented() -> AsyncIterator[tuple[trial.Invented, str]]:
    async with trial.invent() as found:
        yield found


@pytest.fixture
async def services(
    settings: Settings, nlu: ScriptedNlu, invented: tuple[trial.Invented, str]
) -> AsyncIterator[Services]:
    async with open_services(settings, nlu, invented[0]) as services:
        yield services


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Types lines into standard input; an empty one ends it."""
    reading, writing = os.pipe()
    typed = os.fdopen(writing, "w", encoding="utf-8")
    with os.fdopen(reading, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)

        def type_line(line: str) -> None:
            if line:
                print(line, file=typed, flush=True)
            else:
                typed.close()

        yield type_line
        typed.close()


async def test_a_newcomer_links_an_invented_applicant_and_sees_the_news(
    settings: Settings,
    services: Services,
    invented: tuple[trial.Invented, str],
    keyboard: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "SECONDS_BETWEEN_LOOKS", 0.05)
    out, err = "", ""

    async def until_shown(text: str) -> str:
        nonlocal out, err
        async with asyncio.timeout(SECONDS):
            while text not in out + err:
                await asyncio.sleep(0.01)
                more_out, more_err = capsys.readouterr()
                out, err = out + more_out, err + more_err
        return out

    async def happen() -> None:
        async with httpx2.AsyncClient(base_url=invented[1]) as client:
            assert (await client.post("/stand-in/next", data={"email": "ada@example.org"})).status_code == 200

    build = partial(build_application, console.TOKEN, settings, services)
    watch = partial(attend, services, console.CHAT["id"])
    chatting = asyncio.create_task(console.chat(build, "en", watch))
    for line in ("/link", "1", "ada@example.org"):
        keyboard(line)
    await until_shown("Letter to ada@example.org")
    code = re.search(r"\b\d{6}\b", err)
    assert code
    keyboard(code[0])
    await until_shown("Tell me when it changes")
    keyboard("3")
    await until_shown("I will write to you here when something changes")
    await happen()  # a paper is taken
    news = (await until_shown("There is news about your application.")).rpartition("There is news")[2]
    assert "Still missing from you: English certificate" in news
    keyboard("")
    async with asyncio.timeout(SECONDS):
        await chatting
    assert "Letter to" not in out
    assert code[0] not in out.replace(f"> {code[0]}", "")


async def test_letters_to_the_invented_are_never_sent(services: Services) -> None:
    assert isinstance(services.mail, PrintedMail)


async def test_the_invented_are_nobody_real(services: Services, invented: tuple[trial.Invented, str]) -> None:
    (ada,) = await invented[0].find("ada@example.org")
    assert {case.provider for case in await invented[0].look_up(ada.id)} == {ada.provider} == {"stand_in"}


async def test_the_invented_begin_anew(services: Services) -> None:
    async with services.database.begin() as session:
        for person, provider in ((1, "stand_in"), (2, "dreamapply")):
            link = Link(telegram_id=person, chat_id=person, address="", linked_at=utc_now())
            session.add_all([link, ProviderCursor(provider=provider, cursor="7")])
            await session.flush()
            session.add(LinkedApplicant(link_id=link.id, provider=provider, applicant="", applicant_print="101"))
    await trial.forget_invented(services.database)
    async with services.database.read() as session:
        assert list(await session.scalars(select(Link.telegram_id))) == [2]
        assert list(await session.scalars(select(ProviderCursor.provider))) == ["dreamapply"]
