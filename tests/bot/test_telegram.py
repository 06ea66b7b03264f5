"""The bot as a whole: real polling, real HTTP, real database and content, against a stand-in for Telegram."""

from __future__ import annotations

import asyncio
import copy
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from telegram import Update
from telegram.error import InvalidToken
from telegram.ext import TypeHandler

from bot import answering
from bot.app import build_application, open_services
from bot.intake import settling
from bot.running import answer
from bot.settings import Settings
from bot.telegram_texts import description, name, short_description
from integrations.database import engine
from locales import translator
from nlu.server import ROOT, RasaServer
from nlu.training import ensure_model
from responses.content import Content, Entry, Wording
from responses.publishing import publish
from tests.conftest import ScriptedNlu
from tests.telegram_server.chat import SECONDS, Chat
from tests.telegram_server.faults import BLOCKED
from tests.telegram_server.running import STAFF, UNLIMITED, Bot, running
from tests.telegram_server.server import DROP, TOKEN, StandIn

# A figure of python-telegram-bot's that will change its type: we read it as either.
pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2:DeprecationWarning")

GROUP = -100555
# What else is logged while nobody can write.
LOCKED = ("inbox_not_read", "outbox_not_read", "jobs_not_read", "updates_not_kept", "update_not_finished")
WENT_WRONG = "Something went wrong on our side. Please try again in a minute, or write to international@ktu.lt."
CANNOT_REMEMBER = "I cannot remember things right now, so I may ask you the same again."


@pytest.fixture
async def bot(server: StandIn, folder: Path, nlu: ScriptedNlu) -> AsyncIterator[Bot]:
    nlu.meanings |= {
        "How much is the deposit?": {"housing.deposit": 0.95},
        "How much is the dormitory?": {"housing.price": 0.95},
        "Do I need a visa?": {"visa.need": 0.95},
        "I want to talk to somebody": {"contact.human": 0.95},
    }
    async with running(server, folder, nlu) as bot:
        yield bot


@pytest.fixture
def chat(bot: Bot) -> Chat:
    return bot.chat(1001)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is locked is given up at once."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(settling, "PATIENCE", 0.1)


@contextmanager
def locked(bot: Bot) -> Iterator[None]:
    """Another process writes to the database whenever an update is being handled."""
    with closing(sqlite3.connect(bot.database, isolation_level=None, check_same_thread=False)) as connection:

        async def lock(*_: Any) -> None:
            # Not in our own thread: it may have to wait for what goes on there.
            await asyncio.to_thread(connection.execute, "BEGIN EXCLUSIVE")

        async def unlock(*_: Any) -> None:
            connection.execute("ROLLBACK")

        handlers = {-1: TypeHandler(Update, lock), 1: TypeHandler(Update, unlock)}
        for group, handler in handlers.items():
            bot.app.add_handler(handler, group)
        yield
        for group, handler in handlers.items():
            bot.app.remove_handler(handler, group)


# Commands and the menu


async def test_start_greets_and_offers_the_menu(chat: Chat) -> None:
    (text,) = await chat.says("/start")
    assert text.startswith("Hello! I am Bičiulis, the assistant for international students of KTU.")
    assert chat.buttons == ["What I can do", "How to apply", "Visa or residence permit?", "All topics"]


async def test_a_link_to_an_area_opens_it(chat: Chat) -> None:
    assert await chat.says("/start visa") == ["Visa"]
    assert chat.buttons[0] == "Visa or residence permit?"
    assert chat.buttons[-1] == "↩ All topics"


async def test_a_link_to_a_topic_asks_what_its_answer_depends_on_and_then_answers(chat: Chat) -> None:
    assert await chat.says("/start visa-need") == [
        "The answer depends on your citizenship. Which passport do you have?"
    ]
    assert chat.buttons == ["EU, EEA or Switzerland", "Another country", "I'd rather not say"]
    (text,) = await chat.presses("EU, EEA or Switzerland")
    assert text.startswith("No. As a citizen of the EU, EEA or Switzerland, you need no visa and no residence permit.")


async def test_a_link_to_something_unknown_greets(chat: Chat) -> None:
    (text,) = await chat.says("/start nonsense-and-more")
    assert text.startswith("Hello! I am Bičiulis")


async def test_a_typed_country_answers_the_question_that_was_waiting(chat: Chat) -> None:
    await chat.says("Do I need a visa?")
    await chat.presses("Another country")
    (text,) = await chat.says("India")
    assert text.startswith("Your country: India\n\nYes, you need one of the two:")


async def test_the_menu_changes_in_place_and_a_topic_is_answered_below_it(chat: Chat) -> None:
    assert await chat.says("/menu") == ["What would you like to know? Pick an area."]
    assert chat.buttons[:2] == ["Admission", "Programmes"]
    assert "About Bičiulis" not in chat.buttons
    menu = chat.messages[-1]["message_id"]
    assert await chat.presses("Housing") == ["Housing"]
    assert [message["message_id"] for message in chat.messages] == [menu]
    (text,) = await chat.presses("Dormitory deposit")
    assert "Source: " in text
    assert len(chat.messages) == 2
    assert chat.messages[0]["text"] == "Housing"


async def test_pressing_the_same_area_twice_shows_it_once(chat: Chat) -> None:
    await chat.says("/menu")
    menu = chat.messages[-1]
    data = menu["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    assert await chat.presses_data(data, menu) == ["Admission"]
    assert await chat.presses_data(data, menu) == []
    assert [message["text"] for message in chat.messages] == ["Admission"]


async def test_a_chosen_language_is_kept_for_the_menu(chat: Chat) -> None:
    await chat.says("/language")
    assert await chat.presses("Lietuvių") == ["Ką norėtumėte sužinoti? Pasirinkite sritį."]
    assert chat.buttons[0] == "Priėmimas"
    assert await chat.says("/menu") == ["Ką norėtumėte sužinoti? Pasirinkite sritį."]


async def test_the_language_of_the_persons_telegram_is_spoken_first(bot: Bot) -> None:
    assert await bot.chat(2002, language="lt").says("/menu") == ["Ką norėtumėte sužinoti? Pasirinkite sritį."]
    assert await bot.chat(2003, language="xx").says("/menu") == ["What would you like to know? Pick an area."]


async def test_help_tells_what_the_assistant_can_do(chat: Chat) -> None:
    (text,) = await chat.says("/help")
    assert text.startswith("I answer questions about studying at KTU as an international student.")


async def test_an_unknown_command_is_explained(chat: Chat) -> None:
    text = "I do not know this command. Please write your question in words, or pick an area."
    assert await chat.says("/nonsense") == [text]
    assert "Housing" in chat.buttons


@pytest.mark.parametrize("data", ["ask:no.such_topic", "set:citizenship:martian", "area:", "rate:x", "privacy:?"])
async def test_a_button_that_no_longer_exists_is_answered_with_the_menu(chat: Chat, data: str) -> None:
    await chat.says("/menu")
    (text,) = await chat.presses_data(data, chat.messages[-1])
    assert text == "This button is from an older message and does not work any more. Please pick an area."
    assert "Housing" in chat.buttons


@pytest.mark.parametrize(
    ("command", "label", "expected"),
    [
        ("/menu", "Housing", "Housing"),
        ("/privacy", "Delete my data", "Shall I delete everything that I know about you? This cannot be undone."),
    ],
)
async def test_a_press_from_before_a_restart_is_carried_out_although_telegram_takes_no_answer_to_it(
    chat: Chat, command: str, label: str, expected: str
) -> None:
    await chat.says(command)
    assert await chat.presses(label, too_late=True) == [expected]


# Questions and answers


async def test_a_question_that_takes_a_moment_is_answered_after_a_sign_of_typing(
    chat: Chat, bot: Bot, nlu: ScriptedNlu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "A_MOMENT", 0)
    before = len(bot.server.calls)
    nlu.seconds = 0.2
    (text,) = await chat.says("How much is the deposit?")
    calls = [call for call in bot.server.calls[before:] if call.method.startswith("send")]
    assert [(call.method, call.params.get("action"), call.params["chat_id"]) for call in calls] == [
        ("sendChatAction", "typing", 1001),
        ("sendMessage", None, 1001),
    ]
    assert "Source: " in text
    assert chat.buttons[-2:] == ["👍", "👎"]
    assert bot.rows("SELECT telegram_id, outcome, key, text FROM exchange") == [
        (1001, "answer", "housing.deposit", None)
    ]


async def test_a_question_is_answered_although_typing_cannot_be_shown(chat: Chat, bot: Bot) -> None:
    bot.server.fail("sendChatAction", 500)
    (text,) = await chat.says("How much is the deposit?")
    assert "deposit" in text


async def test_what_is_not_understood_is_admitted_and_kept_for_the_staff(chat: Chat, bot: Bot) -> None:
    (text,) = await chat.says("Who won the match?")
    assert text.startswith("I am not sure that I can answer this.")
    assert bot.rows("SELECT nearest FROM unanswered_question") == [('["talk.help", "contact.office"]',)]


async def test_while_the_model_is_away_the_menu_works(chat: Chat, nlu: ScriptedNlu) -> None:
    nlu.away = True
    text = "I cannot read questions right now. Please pick a topic from the list, or try again in a minute."
    assert await chat.says("How much is the deposit?") == [text]
    assert await chat.presses("Housing") == ["Housing"]
    (answer,) = await chat.presses("Dormitory deposit")
    assert "Source: " in answer
    nlu.away = False
    assert await chat.says("How much is the deposit?") == [answer]


async def test_an_edited_question_is_answered_in_place(chat: Chat, bot: Bot) -> None:
    (first,) = await chat.says("How much is the deposit?")
    reply = chat.messages[-1]["message_id"]
    (second,) = await chat.edits("How much is the dormitory?")
    assert second != first
    assert [(message["message_id"], message["text"]) for message in chat.messages] == [(reply, second)]
    assert bot.server.called("editMessageText")[-1].params["message_id"] == reply
    assert bot.rows("SELECT key FROM exchange") == [("housing.price",)]
    await chat.presses("👍")
    assert bot.rows("SELECT value FROM rating") == [(1,)]


async def test_a_question_edited_without_another_answer_is_not_answered_twice(
    chat: Chat, bot: Bot, nlu: ScriptedNlu
) -> None:
    nlu.meanings["How much is the deposit??"] = nlu.meanings["How much is the deposit?"]
    (text,) = await chat.says("How much is the deposit?")
    assert await chat.edits("How much is the deposit??") == []
    (after,) = await chat.edits("How much is the dormitory?")
    assert after != text
    assert [message["text"] for message in chat.messages] == [after]


async def test_a_question_edited_after_its_answer_was_deleted_is_answered_anew(chat: Chat, bot: Bot) -> None:
    await chat.says("How much is the deposit?")
    del bot.server.messages[chat.id, chat.messages[-1]["message_id"]]
    (text,) = await chat.edits("How much is the dormitory?")
    assert [message["text"] for message in chat.messages] == [text]


@pytest.mark.parametrize(
    "message",
    [
        {"sticker": {"file_id": "a", "file_unique_id": "b", "type": "regular", "width": 512, "height": 512}
         | {"is_animated": False, "is_video": False}},
        {"photo": [{"file_id": "a", "file_unique_id": "b", "width": 90, "height": 90}], "caption": "my passport"},
        {"voice": {"file_id": "a", "file_unique_id": "b", "duration": 3}},
        {"location": {"latitude": 54.9, "longitude": 23.9}},
        {"document": {"file_id": "a", "file_unique_id": "b"}},
    ],
    ids=lambda message: next(iter(message)),
)  # fmt: skip
async def test_what_is_no_text_gets_a_friendly_sentence(chat: Chat, message: dict[str, Any]) -> None:
    text = "I can only read text. Please write your question in words, or pick an area."
    assert await chat.sends(**message) == [text]
    assert "Housing" in chat.buttons


async def test_what_telegram_itself_tells_in_a_chat_is_not_answered(chat: Chat) -> None:
    await chat.says("/menu")
    assert await chat.sends(pinned_message=chat.messages[0]) == []


@pytest.mark.parametrize("text", ["<b>&amp; </i>", "💥" * 2048, "\u202e", "a" * 4096, "&lt;", "\\_*[`"])
async def test_any_text_gets_an_answer_that_telegram_takes(chat: Chat, text: str) -> None:
    (answer,) = await chat.says(text)
    assert answer


async def test_a_long_answer_is_split_and_only_its_end_has_buttons(chat: Chat, bot: Bot, content: Content) -> None:
    words = " ".join(f"word{number}" for number in range(700))
    long = next(fact for values in content.facts.values() for fact in values if fact.type == "text").model_copy(
        update={"value": words}
    )
    entry = content.entries["en"]["housing.deposit"]
    changed = Entry(title=entry.title, question=entry.question, wordings=(Wording(text="<b>Begin {long_one} end</b>"),))
    entries = {**content.entries, "en": {**content.entries["en"], "housing.deposit": changed}}
    await publish(
        bot.services.database,
        replace(content, facts={**content.facts, "long_one": (long,)}, entries=entries),
        by="the test",
    )
    await bot.services.library.open()
    texts = await chat.says("How much is the deposit?")
    assert len(texts) == 2
    assert " ".join(texts).startswith(f"Begin {words} end\n\n")
    assert [("reply_markup" in message, message["entities"][0]["type"]) for message in chat.messages] == [
        (False, "bold"),
        (True, "bold"),
    ]
    short = await chat.edits("How much is the dormitory?")
    assert chat.messages[0]["text"] == short[0]


async def test_an_answer_that_is_not_published_in_the_persons_language_comes_in_english_and_says_so(
    bot: Bot, content: Content
) -> None:
    chat = bot.chat(1001, language="lt")
    (lithuanian,) = await chat.says("How much is the deposit?")
    entries = {key: entry for key, entry in content.entries["lt"].items() if key != "housing.deposit"}
    await publish(bot.services.database, replace(content, entries={**content.entries, "lt": entries}), by="the test")
    await bot.services.library.open()
    await chat.says("/language")
    await chat.presses("Lietuvių")
    await chat.presses("Būstas")
    (text,) = await chat.presses("Dormitory deposit")
    assert text != lithuanian
    assert text.startswith("Pay the deposit within")
    assert text.count("Šį atsakymą kol kas turiu tik anglų kalba.") == 1


# Ratings


async def test_a_good_rating_is_stored_and_its_buttons_go(chat: Chat, bot: Bot) -> None:
    await chat.says("How much is the deposit?")
    await chat.presses("👍")
    assert chat.notice == "Thank you! Your rating helps us to improve the answers."
    assert bot.rows("SELECT value FROM rating") == [(1,)]
    assert chat.buttons == ["Dormitory prices", "Dormitory rules", "Get a dormitory place"]


async def test_a_rating_that_is_pressed_twice_is_stored_once(chat: Chat, bot: Bot) -> None:
    await chat.says("How much is the deposit?")
    before = copy.deepcopy(chat.messages[-1])
    await chat.presses("👍")
    (data,) = [row[0]["callback_data"] for row in before["reply_markup"]["inline_keyboard"] if row[0]["text"] == "👍"]
    assert await chat.presses_data(data, before) == []
    assert bot.rows("SELECT value FROM rating") == [(1,)]


async def test_a_bad_rating_is_stored(chat: Chat, bot: Bot) -> None:
    await chat.says("How much is the deposit?")
    await chat.presses("👎")
    assert bot.rows("SELECT value FROM rating") == [(-1,)]


async def test_nobody_rates_the_answer_to_another_person(bot: Bot) -> None:
    asking, other = bot.chat(1001, GROUP), bot.chat(1002, GROUP)
    await asking.says("@biciulis_bot How much is the deposit?")
    await other.presses("👎")
    assert other.notice == "Only the person who asked can rate this answer."
    assert bot.rows("SELECT * FROM rating") == []
    assert asking.buttons[-2:] == ["👍", "👎"]


# Privacy


async def test_texts_are_kept_only_after_consent_and_without_what_tells_who_wrote(
    chat: Chat, bot: Bot, nlu: ScriptedNlu
) -> None:
    nlu.meanings["I am at me@example.org, how much is the deposit?"] = {"housing.deposit": 0.95}
    await chat.says("How much is the deposit?")
    await chat.says("/privacy")
    assert chat.buttons[:3] == ["You may keep my messages", "Show my data", "Delete my data"]
    (text,) = await chat.presses("You may keep my messages")
    assert text.startswith("Thank you. From now on I keep the texts of your messages")
    await chat.says("I am at me@example.org, how much is the deposit?")
    texts = [text for (text,) in bot.rows("SELECT text FROM exchange WHERE key = 'housing.deposit' ORDER BY id")]
    assert texts == [None, "I am at … how much is the deposit?"]


async def test_a_person_sees_what_is_stored(chat: Chat) -> None:
    await chat.says("/privacy")
    await chat.presses("You may keep my messages")
    await chat.says("Do I need a visa?")
    await chat.presses("Another country")
    await chat.says("India")
    (text,) = await chat.presses("Show my data")
    assert text.splitlines() == [
        "This is what I store about you:",
        "• Language: en",
        "• Citizenship: India",
        "• Studies: –",
        "• Last topic: Visa or residence permit?",
        "• Recorded questions: 5; of these with their text: 2",
    ]


async def test_consent_can_be_taken_back(chat: Chat, bot: Bot) -> None:
    await chat.says("/privacy")
    await chat.presses("You may keep my messages")
    await chat.says("How much is the deposit?")
    await chat.says("/privacy")
    (text,) = await chat.presses("Stop keeping my messages")
    assert text == "Done. I have deleted the texts of your messages and keep none from now on."
    await chat.says("How much is the dormitory?")
    assert bot.rows("SELECT DISTINCT text FROM exchange") == [(None,)]


async def test_deleting_leaves_nothing_of_the_person_and_everything_of_others(bot: Bot) -> None:
    chat, other = bot.chat(1001), bot.chat(1002)
    await other.says("How much is the deposit?")
    await chat.says("How much is the deposit?")
    await chat.presses("👎")
    await chat.says("Who won the match?")
    await chat.says("/privacy")
    await chat.presses("Delete my data")
    assert await chat.presses("Yes, delete everything") == ["Done. I have deleted everything that I knew about you."]
    assert bot.rows("SELECT telegram_id FROM student") == [(1002,)]
    assert bot.rows("SELECT telegram_id FROM exchange") == [(1002,)]
    assert bot.rows("SELECT * FROM rating") == []
    assert bot.rows("SELECT * FROM unanswered_question") == []


async def test_deleting_can_be_cancelled(chat: Chat, bot: Bot) -> None:
    await chat.says("/privacy")
    await chat.presses("Delete my data")
    await chat.presses("Cancel")
    assert bot.rows("SELECT telegram_id FROM student") == [(1001,)]


# Groups


async def test_in_a_group_the_bot_is_silent_unless_it_is_addressed(bot: Bot) -> None:
    group = bot.chat(1001, GROUP)
    before = len(bot.server.called("sendMessage", "sendChatAction"))
    assert await group.says("How much is the deposit?") == []
    assert await group.says("Ask @biciulis_bot_other about it") == []
    assert await group.says("/nonsense") == []
    assert await group.says("/menu@another_bot") == []
    assert await group.sends(voice={"file_id": "a", "file_unique_id": "b", "duration": 3}) == []
    assert await group.sends(new_chat_members=[group.sender]) == []
    assert len(bot.server.called("sendMessage", "sendChatAction")) == before


async def test_in_a_group_the_bot_answers_who_names_it(bot: Bot) -> None:
    group = bot.chat(1001, GROUP)
    (text,) = await group.says("@Biciulis_Bot How much is the deposit?")
    assert "Source: " in text
    (text,) = await group.says("How much is the dormitory? @biciulis_bot")
    assert "Source: " in text
    assert await group.says("/menu@biciulis_bot") == ["What would you like to know? Pick an area."]


async def test_in_a_group_the_bot_answers_a_reply_to_it(bot: Bot) -> None:
    group = bot.chat(1001, GROUP)
    await group.says("/menu@biciulis_bot")
    (text,) = await group.says("How much is the deposit?", reply_to_message=group.messages[-1])
    assert "Source: " in text
    assert await group.says("How much is the deposit?", reply_to_message=group.mine[0]) == []


# A person at the office


async def test_a_question_is_passed_on_to_the_staff_after_the_person_agreed(bot: Bot) -> None:
    chat, staff = bot.chat(1001), bot.chat(5005, STAFF)
    await chat.says("I want to talk to somebody")
    (invitation,) = await chat.presses("Pass my question on")
    assert "together with your Telegram name" in invitation
    assert staff.messages == []
    assert await chat.says("Where is <my> diploma & why?") == [
        "Thank you. I have passed your question on to the International Relations Department."
    ]
    (message,) = staff.messages
    assert message["text"] == "✉️ Asha (en):\nWhere is <my> diploma & why?"
    assert message["entities"] == [{"type": "text_link", "offset": 3, "length": 4, "url": "tg://user?id=1001"}]
    await chat.says("How much is the deposit?")
    assert len(staff.messages) == 1


async def test_the_longest_question_is_passed_on(bot: Bot) -> None:
    chat, staff = bot.chat(1001), bot.chat(5005, STAFF)
    await chat.says("I want to talk to somebody")
    await chat.presses("Pass my question on")
    await chat.says("& " * 2048)
    assert len(staff.messages) == 1


async def test_a_question_is_not_passed_on_after_cancel(bot: Bot) -> None:
    chat, staff = bot.chat(1001), bot.chat(5005, STAFF)
    await chat.says("I want to talk to somebody")
    await chat.presses("Pass my question on")
    await chat.presses("Cancel")
    (text,) = await chat.says("How much is the deposit?")
    assert "Source: " in text
    assert staff.messages == []


async def test_who_could_not_be_passed_on_is_told_where_to_write(chat: Chat, bot: Bot) -> None:
    await chat.says("I want to talk to somebody")  # the staff's chat is unknown to Telegram: the bot was removed
    await chat.presses("Pass my question on")
    assert await chat.says("Where is my diploma?") == [
        "Thank you. I have passed your question on to the International Relations Department.",
        "I could not pass your question on. Please write to international@ktu.lt yourself.",
    ]


async def test_without_a_staff_chat_nothing_is_offered_to_be_passed_on(
    server: StandIn, folder: Path, nlu: ScriptedNlu
) -> None:
    nlu.meanings["I want to talk to somebody"] = {"contact.human": 0.95}
    async with running(server, folder, nlu, staff=None) as bot:
        chat = bot.chat(1001)
        (text,) = await chat.says("I want to talk to somebody")
        assert "international@ktu.lt" in text
        assert "Pass my question on" not in chat.buttons


# What staff have to do


async def test_staff_are_told_in_their_chat_and_by_mail_what_is_due_and_a_restart_repeats_nothing(
    server: StandIn, folder: Path, nlu: ScriptedNlu, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.jobs.SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr("bot.notices.MORNING", time.min)  # at whatever hour this test runs
    monkeypatch.setenv("BICIULIS_STAFF_MAIL", "office@ktu.lt")
    for _ in range(2):
        async with running(server, folder, nlu) as bot:
            staff = bot.chat(5005, STAFF)  # known to Telegram from now on
            async with asyncio.timeout(SECONDS):
                await bot.write("UPDATE job SET due_at = '2026-11-24 06:00:00.000000' WHERE last_done_at IS NULL")
                while bot.rows("SELECT name FROM job WHERE last_done_at IS NULL"):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # several looks more
            await bot.server.until(lambda staff=staff: bool(staff.messages))
            (message,) = staff.messages
            assert message["text"].startswith("Figures to look up: ")
            assert "overdue" in message["text"]
    letters = capsys.readouterr().err
    assert letters.count("Letter to office@ktu.lt") == 1
    assert letters.count("• overdue, review by") > 10


# When something is broken


@pytest.mark.usefixtures("impatient", "bot")
async def test_while_the_database_is_locked_questions_are_answered_and_the_person_is_told(chat: Chat, bot: Bot) -> None:
    with locked(bot):
        (text,) = await chat.says("How much is the deposit?")
        assert "Source: " in text
        assert text.endswith(CANNOT_REMEMBER)
        assert "👍" not in chat.buttons
        await chat.says("/menu")
        assert await chat.presses("Housing") == ["Housing"]
    assert bot.troubles.take("turn_not_stored", *LOCKED).count("turn_not_stored") == 3
    assert bot.rows("SELECT * FROM exchange") == []


@pytest.mark.usefixtures("impatient", "bot")
async def test_nobody_is_told_that_their_data_is_deleted_while_it_is_not(chat: Chat, bot: Bot) -> None:
    await chat.says("/privacy")
    await chat.presses("Delete my data")
    with locked(bot):
        assert await chat.presses("Yes, delete everything") == [WENT_WRONG]
    assert bot.troubles.take("update_failed", *LOCKED).count("update_failed") == 1
    assert await chat.presses("Yes, delete everything") == ["Done. I have deleted everything that I knew about you."]
    assert bot.rows("SELECT * FROM student") == []


@pytest.mark.usefixtures("impatient", "bot")
async def test_a_rating_that_cannot_be_stored_leaves_no_button_waiting(chat: Chat, bot: Bot) -> None:
    await chat.says("How much is the deposit?")
    with locked(bot):
        assert await chat.presses("👍") == [WENT_WRONG]
    assert bot.troubles.take("update_failed", *LOCKED).count("update_failed") == 1
    assert len(bot.server.called("answerCallbackQuery")) == 1
    assert bot.rows("SELECT * FROM rating") == []


@pytest.mark.parametrize("status", [500, 502, 429, DROP])
async def test_an_answer_that_telegram_did_not_take_is_sent_again(chat: Chat, bot: Bot, status: int) -> None:
    bot.server.fail("sendMessage", status)
    (text,) = await chat.says("How much is the deposit?")
    assert "Source: " in text
    assert [each["event"] for each in bot.troubles.events if each["log_level"] == "warning"] == ["not_sent"]


@pytest.mark.parametrize("status", [500, DROP])
async def test_a_menu_that_telegram_did_not_change_is_changed_a_little_later(chat: Chat, bot: Bot, status: int) -> None:
    await chat.says("/menu")
    bot.server.fail("editMessageText", status)
    assert await chat.presses("Housing") == ["Housing"]


async def test_who_has_blocked_the_bot_gets_nothing_and_the_operator_sees_that(chat: Chat, bot: Bot) -> None:
    bot.server.faults.next("sendMessage", BLOCKED)
    assert await chat.says("How much is the deposit?") == []
    assert bot.troubles.take("not_delivered") == ["not_delivered"]
    assert bot.rows("SELECT chat_id, telegram_id, parameters, failure FROM outbox") == [
        (1001, 0, "{}", "Forbidden: bot was blocked by the user")
    ]


@pytest.mark.parametrize("status", [500, 429, 409, DROP])
async def test_polling_goes_on_after_telegram_failed(chat: Chat, bot: Bot, status: int) -> None:
    bot.server.fail("getUpdates", status)
    await chat.says("/menu")
    (text,) = await chat.says("How much is the deposit?")
    assert "Source: " in text
    assert bot.troubles.take("telegram_unreachable", "another_process_polls") == [
        "another_process_polls" if status == 409 else "telegram_unreachable"
    ]


# Starting and stopping


async def test_a_first_start_publishes_the_content_of_the_files(
    server: StandIn, tmp_path: Path, nlu: ScriptedNlu
) -> None:
    async with running(server, tmp_path / "new", nlu) as bot:
        (text,) = await bot.chat(1001).says("/start")
        assert text.startswith("Hello! I am Bičiulis")
        assert bot.rows("SELECT number, by FROM publication") == [(1, "first start")]


async def test_what_is_known_of_a_person_outlives_a_restart(server: StandIn, folder: Path, nlu: ScriptedNlu) -> None:
    nlu.meanings["Do I need a visa?"] = {"visa.need": 0.95}
    async with running(server, folder, nlu) as bot:
        chat = bot.chat(1001)
        await chat.says("Do I need a visa?")
        await chat.presses("Another country")
    async with running(server, folder, nlu) as bot:
        (text,) = await bot.chat(1001).says("India")
        assert text.startswith("Your country: India\n\nYes, you need one of the two:")


async def test_an_update_is_handled_once_across_a_restart(server: StandIn, folder: Path, nlu: ScriptedNlu) -> None:
    async with running(server, folder, nlu) as bot:
        await bot.chat(1001).says("/menu")
    sent = len(server.called("sendMessage"))
    async with running(server, folder, nlu) as bot:
        await bot.chat(1002).says("/menu")
    assert len(server.called("sendMessage")) == sent + 1


async def test_the_bot_introduces_itself_once_in_each_language(server: StandIn, folder: Path, nlu: ScriptedNlu) -> None:
    setters = ("setMyCommands", "setMyName", "setMyShortDescription", "setMyDescription")
    async with running(server, folder, nlu) as bot:
        await bot.until_logged("introduced")
    first = [(call.method, call.params.get("language_code", "")) for call in server.called(*setters)]
    assert len(set(first)) == len(first)
    for language in ("", "lt", "uk"):
        _ = translator(language)
        assert server.texts["commands", language] == [
            {"command": "menu", "description": _("All topics")},
            {"command": "link", "description": _("My application")},
            {"command": "language", "description": _("Choose a language")},
            {"command": "help", "description": _("What I can do")},
            {"command": "privacy", "description": _("What I store about you")},
        ]
        texts = [server.texts[what, language] for what in ("name", "short_description", "description")]
        assert texts == [name(_), short_description(_), description(_)]
    assert server.texts["commands", "lt"][0] == {"command": "menu", "description": "Visos temos"}
    async with running(server, folder, nlu) as bot:
        await bot.until_logged("introduced")
    assert len(server.called(*setters)) == len(first)


async def test_the_bot_answers_although_it_could_not_introduce_itself(
    server: StandIn, folder: Path, nlu: ScriptedNlu
) -> None:
    server.fail("setMyName", 429)
    async with running(server, folder, nlu) as bot:
        await bot.until_logged("not_introduced")
        assert await bot.chat(1001).says("/menu") == ["What would you like to know? Pick an area."]


async def test_only_what_the_bot_handles_is_asked_of_telegram(bot: Bot, chat: Chat) -> None:
    await chat.says("/menu")
    asked = [call.params["allowed_updates"] for call in bot.server.called("getUpdates")]
    assert asked[0] == ["message", "edited_message", "callback_query"]
    assert asked == asked[:1] * len(asked)


async def test_a_wrong_token_ends_the_start(server: StandIn, folder: Path, nlu: ScriptedNlu) -> None:
    settings = Settings(_env_file=None, data_dir=folder, telegram_base_url=server.url)
    async with open_services(settings, nlu) as services:
        app = build_application(TOKEN[:-4] + "1111", settings, services)
        with pytest.raises(InvalidToken):
            await answer(settings, app, services, nlu, UNLIMITED, fetches=True)
        await app.bot.shutdown()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
    assert server.calls == []


async def test_while_telegram_is_down_at_the_start_the_bot_waits_and_then_works(folder: Path, nlu: ScriptedNlu) -> None:
    server = StandIn()
    try:
        async with running(server, folder, nlu, telegram_is_down=True) as bot:
            assert bot.troubles.take("telegram_unreachable") == ["telegram_unreachable"]
            assert await bot.chat(1001).says("/menu") == ["What would you like to know? Pick an area."]
    finally:
        await server.stop()
    assert server.violations == []


# With the real model


@pytest.mark.timeout(900)
async def test_a_conversation_with_the_real_model(server: StandIn, folder: Path) -> None:
    model = await asyncio.to_thread(ensure_model, ROOT / "var", lambda what, done, total: None)
    rasa = RasaServer(model, folder / "rasa.log")
    await rasa.start()
    try:
        assert await rasa.wait_ready()
        async with running(server, folder, rasa) as bot:
            chat = bot.chat(1001)
            (text,) = await chat.says("Do I need a visa? I am from India")
            assert text.startswith("Your country: India\n\nYes, you need one of the two:")
            (text,) = await chat.says("Kiek kainuoja bendrabutis?")
            assert "Šaltinis" in text
            assert bot.rows("SELECT key, language, outcome FROM exchange ORDER BY id") == [
                ("visa.need", "en", "answer"),
                ("housing.price", "lt", "answer"),
            ]
    finally:
        await rasa.stop()
