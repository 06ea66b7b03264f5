"""Letters with codes: to whom, how often, and what becomes of them when something fails or dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from structlog.testing import capture_logs

from bot import journal
from bot.application import letters, postman
from bot.application.letters import code_letter, displaced_letter
from bot.application.linking import CODE_LASTS, Asked, Proof
from bot.application.tables import CodeRequest
from bot.application.vault import Vault, open_vault
from integrations.application_status.case import Applicant, Refused, Unavailable
from integrations.database import Database
from integrations.mail import Letter, Mail, SmtpMail, read_server
from integrations.mail import Unavailable as MailUnavailable
from locales import Translate
from tests.bot.application.people import ADA, ANNA, BEN, EVE, KATE, STRANGERS, Letterbox, Register, Town, code_in
from tests.post import running

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PEOPLE = range(8_000_000_001, 8_000_000_009)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "keys")


@pytest.fixture
def town(database: Database, vault: Vault) -> Town:
    return Town(database, vault)


@asynccontextmanager
async def working(*towns: Town) -> AsyncIterator[list[asyncio.Task[None]]]:
    """A postman in each of several processes, until the end of the block."""
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(each.postman().follow(stopping)) for each in towns]
    try:
        yield tasks
    finally:
        stopping.set()
        await asyncio.gather(*tasks)


async def requests(town: Town) -> Sequence[Any]:
    async with town.database.read() as session:
        return (await session.scalars(select(CodeRequest).order_by(CodeRequest.id))).all()


async def test_a_letter_arrives_at_the_address_of_the_record(town: Town) -> None:
    with running() as (post, port):
        mail: Mail = SmtpMail(read_server(f"smtp://127.0.0.1:{port}"), "Bičiulis <biciulis@example.org>")
        town.box = mail  # type: ignore[assignment]  # a real one
        await town.ask(ANNA, "ada.LOVELACE@example.org")
        await town.ask(BEN, "nobody@example.org")
        await town.deliver()
        [letter], [envelope] = post.letters(), post.arrived
    assert (envelope.rcpt_tos, str(letter["To"])) == ([ADA.email], ADA.email)
    text = letter.get_content().replace("\r\n", "\n").removesuffix("\n")
    code = code_in(Letter("", "", text))
    written = code_letter(ADA.email, "en", code)
    assert (str(letter["Subject"]), text) == (written.subject, written.text)
    assert code not in written.subject
    assert await town.prove(code) == Proof("linked")


async def test_a_letter_is_in_the_language_of_the_chat(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def translator(language: str) -> Translate:
        return lambda text: f"[{language}] {text}"

    monkeypatch.setattr(letters, "translator", translator)
    await town.ask(ANNA, language="tr")
    await town.deliver()
    [letter] = town.box.letters
    assert letter.subject.startswith("[tr] ")
    assert all(paragraph.startswith("[tr] ") for paragraph in letter.text.split("\n\n"))


def test_who_is_displaced_reads_what_to_do() -> None:
    letter = displaced_letter(ADA.email, "en")
    assert letter.to == ADA.email
    assert "/link" in letter.text


@pytest.mark.parametrize("typed", ["nobody@example.org", "w\u0131lliam@example.org", *STRANGERS])
async def test_who_is_not_known_gets_no_letter_and_neither_does_who_looks_alike(town: Town, typed: str) -> None:
    town.providers[0].known = [KATE, Applicant("register", "applicant-4713", "william@example.org")]
    assert await town.ask(ANNA, typed) == Asked.SENT
    await town.deliver()
    assert (town.providers[0].asked, town.box.attempts) == ([typed], 0)


async def test_an_address_gets_three_codes_an_hour_whoever_asks_and_however_it_is_written(town: Town) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        typed = [ADA.email, ADA.email.lower(), ADA.email.upper(), f"<{ADA.email}>"]
        assert [await town.ask(who, each) for who, each in zip(PEOPLE, typed, strict=False)] == [Asked.SENT] * 4
        await town.deliver()
        assert len(town.box.letters) == 3
        clock.shift(timedelta(hours=1))
        await town.ask(ANNA)
        await town.deliver()
    assert len(town.box.letters) == 4


async def test_who_asks_for_unknown_addresses_uses_up_nobodys_letters(town: Town) -> None:
    for who in PEOPLE:
        await town.ask(who, "\u212aate@example.org")  # folded it is as Kate's
    await town.deliver()
    await town.ask(ANNA, KATE.email)
    await town.deliver()
    assert [each.to for each in town.box.letters] == [KATE.email]


async def test_a_letter_in_work_when_the_process_dies_is_never_written(town: Town) -> None:
    [register] = town.providers
    register.answering = asyncio.Event()
    await town.ask()
    dying = asyncio.create_task(town.postman().follow(asyncio.Event()))
    await register.reached.wait()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postman, "LONGEST_FAREWELL", 0)
        dying.cancel()
        await asyncio.wait([dying])
    register.answering.set()
    await town.deliver()
    [request] = await requests(town)
    assert (town.box.attempts, request.begun_at is None, request.code_print) == (0, False, None)
    assert await town.link() == Proof("linked")


async def test_a_letter_that_fails_is_not_tried_again(town: Town) -> None:
    town.box.trouble = MailUnavailable(f"450 <{ADA.email}> come later")
    await town.ask()
    with capture_logs() as logs:
        await town.deliver()
    town.box.trouble = None
    await town.deliver()
    assert (town.box.attempts, town.box.letters) == (1, [])
    [request] = await requests(town)
    assert logs == [
        {"event": "code_not_sent", "request": request.id, "reason": "Unavailable", "log_level": "error"},
    ]


@pytest.mark.parametrize("trouble", [Unavailable(ADA.email), Refused(ADA.email), RuntimeError(ADA.email)])
async def test_systems_that_answer_count_without_those_that_do_not(town: Town, trouble: Exception) -> None:
    away = Register([ADA], "away", trouble)
    town.providers = [away, Register([Applicant("mobility", "outgoing-7", ADA.email)], "mobility")]
    await town.ask()
    with capture_logs() as logs:
        await town.deliver()
    assert [each["reason"] for each in logs if each["event"] == "applicant_not_looked_for"] == [type(trouble).__name__]
    [request] = await requests(town)
    assert town.vault.open(request.applicants) == [["mobility", "outgoing-7", ADA.email]]


async def test_where_no_system_answers_nothing_is_sent_and_one_may_ask_again(town: Town) -> None:
    [register] = town.providers
    register.trouble = Unavailable("away")
    await town.ask()
    await town.deliver()
    assert town.box.attempts == 0
    register.trouble = None
    assert await town.link() == Proof("linked")


async def test_a_system_that_does_not_answer_is_not_waited_for(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "PROVIDER_SECONDS", 0.01)
    town.providers = [Register([ADA], "slow", answering=asyncio.Event()), Register()]
    assert await town.link() == Proof("linked")


async def test_a_slow_letter_does_not_keep_others_waiting(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "AT_ONCE", 2)
    slow, arrived = asyncio.Event(), asyncio.Event()

    class Slow(Letterbox):
        async def send(self, letter: Letter) -> None:
            if letter.to == ADA.email:
                await slow.wait()
            await super().send(letter)
            if len(self.letters) == 3:
                arrived.set()

    town.box = Slow()
    for who, address in zip(PEOPLE, (ADA.email, *[KATE.email] * 3), strict=False):
        await town.ask(who, address)
    async with working(town):
        await asyncio.wait_for(arrived.wait(), 20)
        slow.set()
    assert [each.to for each in town.box.letters] == [KATE.email] * 3 + [ADA.email]


async def test_who_waited_for_too_long_gets_nothing(town: Town) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        await town.ask()
        clock.shift(CODE_LASTS)
        await town.deliver()
    [request] = await requests(town)
    assert (town.box.attempts, request.begun_at) == (0, NOON + CODE_LASTS)


async def test_who_is_forgotten_while_the_letter_is_written_gets_none(town: Town) -> None:
    [register] = town.providers
    register.answering = asyncio.Event()
    await town.ask()
    async with working(town):
        await register.reached.wait()
        async with town.database.begin() as session:
            await journal.forget(session, ANNA)
        register.answering.set()
    assert town.box.attempts == 0


async def test_the_bell_wakes_the_postman(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "SECONDS_BETWEEN_LOOKS", 1000)
    asleep, bell = asyncio.Event(), town.peers.bell("letters")
    wait = bell.wait

    async def waits() -> Any:
        asleep.set()
        return await wait()

    monkeypatch.setattr(bell, "wait", waits)
    async with working(town):
        await asyncio.wait_for(asleep.wait(), 20)
        await town.ask()
        async with town.database.begin() as session:
            await town.peers.ring(session, "letters")
        await asyncio.wait_for(town.providers[0].reached.wait(), 20)
    assert len(town.box.letters) == 1


async def test_of_several_processes_one_writes_each_letter(on_postgres: Database, vault: Vault) -> None:
    town = Town(on_postgres, vault)
    others = [Town(Database(on_postgres.url.render_as_string(False)), vault, town.providers, town.box) for _ in "ab"]
    [register] = town.providers
    register.known = [Applicant("register", f"{who}", f"{who}@example.org") for who in PEOPLE]
    async with working(town, *others):
        await asyncio.gather(*(town.ask(who, f"{who}@example.org") for who in PEOPLE))
        while await town.waiting():  # noqa: ASYNC110 -- nobody tells that it is empty
            await asyncio.sleep(0.01)
    assert sorted(each.to for each in town.box.letters) == [f"{who}@example.org" for who in PEOPLE]
    for each in others:
        await each.database.close()


async def test_nothing_personal_is_logged(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    elsewhere = Register([ADA], "elsewhere", Unavailable(f"no answer for {ADA.email}"))
    town.providers = [*town.providers, elsewhere]
    with capture_logs() as logs:
        code = await town.code(ANNA)
        await town.prove("000000", ANNA)
        await town.prove(code, ANNA)
        await town.link(BEN)
        town.box.trouble = MailUnavailable(f"450 {KATE.email}")
        await town.ask(EVE, KATE.email)
        await town.deliver()
    assert {each["event"] for each in logs} == {"code_sent", "applicant_not_looked_for", "code_not_sent"}
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("aiosqlite", "sqlalchemy"))]
    said = f"{logs} {ours}".lower()
    known = [ADA.email, ADA.id, KATE.email, "example.org", *town.box.codes(), str(ANNA), str(BEN), str(EVE)]
    assert [each for each in known if each.lower() in said] == []
