"""A student's own application, whole: with stand-ins for Telegram, DreamApply and the mail server, by HTTP and SMTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from bot.application.watching import BELL
from integrations.application_status.stand_in import KEY, StandIn
from integrations.application_status.stand_in.faults import SERVER_ERROR
from integrations.application_status.stand_in.records import OfferType
from tests.conftest import ScriptedNlu
from tests.post import Post
from tests.post import running as posting
from tests.telegram_server.chat import SECONDS, Chat
from tests.telegram_server.running import Bot, running
from tests.telegram_server.server import StandIn as Telegram

# A figure of python-telegram-bot's that will change its type: we read it as either.
pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2:DeprecationWarning")

GROUP = -100555
ASKS = "What about my application?"
CONSENT = "I can show you here where your application or exchange stands"
WAITS_FOR_CODE = "If the university knows this address, a letter with six digits is on its way to it."
WRONG = "This code is wrong or too old. Please check it, or ask for a new one."


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    """In Kaunas; time goes on."""
    with time_machine.travel(datetime(2026, 11, 24, 10, tzinfo=UTC), tick=True) as traveller:
        yield traveller


@pytest.fixture
async def office() -> AsyncIterator[tuple[StandIn, str]]:
    """DreamApply and its address."""
    stand_in = StandIn()
    async with stand_in.running() as url:
        yield stand_in, url


@pytest.fixture
def dreamapply(office: tuple[StandIn, str]) -> StandIn:
    return office[0]


@pytest.fixture
def postbox() -> Iterator[tuple[Post, int]]:
    with posting() as found:
        yield found


@pytest.fixture
def post(postbox: tuple[Post, int]) -> Post:
    return postbox[0]


@pytest.fixture
async def bot(
    server: Telegram, folder: Path, nlu: ScriptedNlu, office: tuple[StandIn, str], postbox: tuple[Post, int]
) -> AsyncIterator[Bot]:
    nlu.meanings |= {ASKS: {"admission.status": 0.95}, "How much is the deposit?": {"housing.deposit": 0.95}}
    mail = {"smtp_url": f"smtp://127.0.0.1:{postbox[1]}", "mail_from": "biciulis@ktu.lt"}
    async with running(server, folder, nlu, dreamapply_url=office[1], dreamapply_key=KEY, **mail) as bot:
        yield bot


@pytest.fixture
def chat(bot: Bot) -> Chat:
    return bot.chat(1001)


@pytest.fixture
def heard(nlu: ScriptedNlu, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the language model was given."""
    texts: list[str] = []
    parse = nlu.parse

    async def listen(text: str) -> Any:
        texts.append(text)
        return await parse(text)

    monkeypatch.setattr(nlu, "parse", listen)
    return texts


async def until(holds: Callable[[], Any]) -> Any:
    async with asyncio.timeout(SECONDS):
        while not (found := holds()):  # noqa: ASYNC110 -- the other side is another thread or process
            await asyncio.sleep(0.01)
    return found


async def code_for(chat: Chat, post: Post, address: str = "ada@example.org") -> str:
    """Goes as far as the code, and reads it in the letter."""
    before = len(post.arrived)
    await chat.says("/link")
    await chat.presses("I agree")
    (reply,) = await chat.says(address)
    assert reply.startswith(WAITS_FOR_CODE)
    letter = (await until(lambda: post.letters()[before:]))[0]
    assert letter["To"] == address.strip().casefold()
    found = re.search(r"\b\d{6}\b", letter.get_content())
    assert found
    return found[0]


async def link(chat: Chat, post: Post, address: str = "ada@example.org") -> str:
    """Links the chat; gives the message that shows how it stands."""
    code, before = await code_for(chat, post, address), len(chat.messages)
    await chat.says(code)
    await until(lambda: len(chat.messages) == before + 2)  # the code is answered, and then looked up
    return str(chat.messages[-1]["text"])


async def test_from_the_question_to_the_answer(chat: Chat, post: Post, bot: Bot, heard: list[str]) -> None:
    (text,) = await chat.says(ASKS)
    assert text.startswith(CONSENT)
    assert chat.buttons == ["I agree", "Cancel"]
    assert await chat.presses("I agree") == ["Please type the e-mail address that the university knows you by."]
    (text,) = await chat.says("it is  Ada@Example.org.")
    assert text.startswith(WAITS_FOR_CODE)
    (letter,) = await until(post.letters)
    code = re.search(r"\b\d{6}\b", letter.get_content())
    assert code
    await chat.says(f"{code[0][:3]} {code[0][3:]}")
    await until(lambda: chat.messages[-1]["text"].startswith("Application: Artificial Intelligence"))
    assert chat.messages[-1]["text"].splitlines()[1:3] == [
        "●●○○○ Review",
        "It is under review. There is no decision yet.",
    ]
    assert "Still missing from you: Passport or ID card and English certificate" in chat.messages[-1]["text"]
    assert chat.buttons[:3] == ["What is missing", "Next step", "Tell me when it changes"]
    assert heard == [ASKS]
    (text,) = await chat.presses("What is missing")
    assert "• Passport or ID card. The office writes: “The scan of the photo page is cut off at the right.”" in text
    (text,) = await chat.says(ASKS)
    assert text.startswith("Application: Artificial Intelligence\n●●○○○ Review")


async def test_neither_address_nor_code_is_in_any_record(chat: Chat, post: Post, bot: Bot) -> None:
    await chat.says("/privacy")
    await chat.presses("You may keep my messages")
    code = await code_for(chat, post)
    await chat.says("000000" if code != "000000" else "111111")
    await chat.says(code)
    await until(lambda: chat.messages[-1]["text"].startswith("Application:"))
    assert {text for (text,) in bot.rows("SELECT text FROM exchange")} == {None}
    tables = [name for (name,) in bot.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    stored = {table: repr(bot.rows(f"SELECT * FROM {table}")) for table in tables}
    assert {"link", "code_request", "inbox", "outbox", "exchange"} <= stored.keys()
    personal = re.compile(rf"\b{code}\b|ada@|@example\.org", re.IGNORECASE)
    assert [table for table, rows in stored.items() if personal.search(rows)] == []
    assert not personal.search(repr(bot.troubles.events))


async def test_an_unknown_address_is_answered_like_a_known_one(chat: Chat, post: Post, bot: Bot) -> None:
    await chat.says("/link")
    await chat.presses("I agree")
    (text,) = await chat.says("nobody@example.org")
    assert text.startswith(WAITS_FOR_CODE)
    await until(lambda: bot.rows("SELECT begun_at FROM code_request WHERE begun_at IS NOT NULL"))
    assert await chat.says("123456") == [WRONG]
    assert post.letters() == []


async def test_wrong_codes_are_refused_and_after_five_the_right_one_too(chat: Chat, post: Post, bot: Bot) -> None:
    code = await code_for(chat, post)
    for number in range(5):
        assert await chat.says(f"{(int(code) + 1 + number) % 1_000_000:06}") == [WRONG]
    assert await chat.says(code) == [WRONG]
    assert chat.buttons == ["Ask for a new code", "Cancel"]
    assert bot.rows("SELECT * FROM link") == []


async def test_a_fourth_code_within_the_hour_is_not_sent(chat: Chat, post: Post) -> None:
    for _ in range(3):
        await code_for(chat, post)
    await chat.says("/link")
    await chat.presses("I agree")
    (text,) = await chat.says("ada@example.org")
    assert text.startswith("You have asked for many codes.")


@pytest.mark.parametrize("digits", ["٤٢", "४२"])
async def test_digits_of_other_scripts_are_digits(chat: Chat, post: Post, digits: str) -> None:
    code = await code_for(chat, post)
    zero = ord(digits[0]) - 4
    await chat.says("-".join(chr(zero + int(digit)) for digit in code))
    await until(lambda: chat.messages[-1]["text"].startswith("Application:"))


async def test_nobody_is_caught_in_the_question_for_the_address(chat: Chat, heard: list[str]) -> None:
    await chat.says("/link")
    await chat.presses("I agree")
    assert await chat.says("ada.example.org") == [
        "This is not an e-mail address. Please type it again, for example: name@example.org"
    ]
    assert await chat.presses("Cancel") == ["What would you like to know? Pick an area."]
    await chat.says("/link")
    await chat.presses("I agree")
    (text,) = await chat.says("How much is the deposit?")
    assert "Source: " in text
    assert await chat.says("/cancel") == ["What would you like to know? Pick an area."]
    assert heard == ["How much is the deposit?"]
    (text,) = await chat.says("ada@example.org")  # nobody asked for it, and nobody agreed
    assert text.startswith(CONSENT)


async def test_a_cry_for_help_comes_first(chat: Chat) -> None:
    await chat.says("/link")
    await chat.presses("I agree")
    (text,) = await chat.says("I want to kill myself, write to ada@example.org")
    assert text.startswith("I am glad that you wrote this.")


async def test_an_address_can_be_corrected(chat: Chat, post: Post) -> None:
    await chat.says("/link")
    await chat.presses("I agree")
    await chat.says("adda@example.org")
    (text,) = await chat.edits("ada@example.org")
    assert text.startswith(WAITS_FOR_CODE)
    assert [letter["To"] for letter in await until(post.letters)] == ["ada@example.org"]


async def test_a_group_is_no_place_for_it(bot: Bot, chat: Chat, post: Post) -> None:
    group = bot.chat(1001, GROUP)
    kind = "Your application is nobody else's business, so I talk about it in a private chat only: "
    assert await group.says(f"@{bot.app.bot.username} {ASKS}") == [
        f"{kind}https://t.me/{bot.app.bot.username}?start=admission-status"
    ]
    (text,) = await group.says("/link")
    assert text.startswith(kind)
    await link(chat, post)
    (text,) = await group.says(f"@{bot.app.bot.username} {ASKS}")
    assert text.startswith(kind)
    (text,) = await chat.says("/start admission-status")
    assert text.startswith("Application: ")


async def test_a_new_chat_takes_the_place_of_the_old_which_is_told(bot: Bot, chat: Chat, post: Post) -> None:
    await link(chat, post)
    other = bot.chat(1002)
    before = len(chat.messages)
    await link(other, post)
    await until(lambda: len(chat.messages) > before)
    assert "was linked to another Telegram chat" in chat.messages[-1]["text"]
    letters = await until(lambda: post.letters()[2:])
    assert [(letter["To"], letter["Subject"]) for letter in letters] == [
        ("ada@example.org", "Your application was linked to another chat")
    ]
    (text,) = await chat.says(ASKS)
    assert text.startswith(CONSENT)


async def test_what_is_stored_is_shown_and_can_be_unlinked(bot: Bot, chat: Chat, post: Post) -> None:
    await link(chat, post)
    await chat.says("/privacy")
    (text,) = await chat.presses("Show my data")
    assert re.search(r"• Linked to your application since .+ 20\d\d, by the address a…@example\.org\n", text)
    assert text.splitlines()[-2:] == [
        "• Changes of your application: I do not tell you",
        "• Times that I looked it up: 1",
    ]
    assert await chat.presses("Unlink my application") == ["Done. I have deleted what I stored of your application."]
    assert bot.rows("SELECT * FROM link") == bot.rows("SELECT * FROM linked_applicant") == []
    (text,) = await chat.says(ASKS)
    assert text.startswith(CONSENT)
    (text,) = await chat.says("/unlink")
    assert text.startswith("Done.")


async def bell(bot: Bot) -> None:
    async with bot.services.database.begin() as session:
        await bot.app.bot_data["settles"].ring(session, BELL)


async def look(bot: Bot, deed: Callable[[], None]) -> None:
    """Have the journal read after something has happened, as the webhook does, and wait until that is done."""
    read = "SELECT cursor FROM provider_cursor"
    before = bot.rows(read)
    deed()
    await bell(bot)
    await until(lambda: bot.rows(read) != before)


async def test_who_wants_it_is_told_once_of_what_was_sent_out(
    noon: time_machine.Traveller, bot: Bot, chat: Chat, post: Post, dreamapply: StandIn
) -> None:
    await link(chat, post, "bruno@example.org")
    await chat.presses("Tell me when it changes")
    assert chat.buttons == ["Stop telling me"]
    await bell(bot)
    await until(lambda: bot.rows("SELECT * FROM provider_cursor"))
    (offer,) = [each.offers[0] for each in dreamapply.records.applications.values() if each.applicant == 102]
    before = len(chat.messages)
    await look(bot, lambda: dreamapply.office.save_offer(offer.id, OfferType.ACCEPTED, comments="Welcome"))
    await look(bot, lambda: dreamapply.office.confirm_offer(offer.id))
    await until(lambda: len(chat.messages) > before)
    (news,) = chat.messages[before:]
    assert news["text"].startswith("There is news about your application.\n\nApplication: Artificial Intelligence")
    assert "You are accepted. Congratulations!" in news["text"]
    assert await chat.says("/notifications") == [
        "I will write to you here when something changes, but not between 22:00 and 8:00 if it can wait."
    ]
    assert await chat.presses("Stop telling me") == ["I will not tell you about changes any more."]
    await look(bot, lambda: dreamapply.office.decide(offer.id, "Final"))
    assert len(chat.messages) == before + 3


async def test_while_dreamapply_is_away_the_last_copy_is_shown_with_its_time(
    noon: time_machine.Traveller, chat: Chat, post: Post, dreamapply: StandIn
) -> None:
    await link(chat, post)
    noon.shift(3600)
    dreamapply.faults.always = SERVER_ERROR
    (text,) = await chat.says(ASKS)
    assert text.startswith("Application: Artificial Intelligence\n●●○○○ Review")
    away = "The university's system does not answer now. This is from 24 November 2026, 12:00 (Kaunas time)."
    assert away in text


async def test_without_a_system_everything_is_as_before(server: Telegram, folder: Path, nlu: ScriptedNlu) -> None:
    nlu.meanings |= {ASKS: {"admission.status": 0.95}}
    async with running(server, folder, nlu) as bot:
        chat = bot.chat(1001)
        (asked,) = await chat.says(ASKS)
        (linking,) = await chat.says("/link")
        assert asked == linking
        assert "this service is not connected" in asked
        assert "I agree" not in chat.buttons
        assert not (folder / "keys").exists()
