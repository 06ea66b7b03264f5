"""The record of questions and answers, and how it is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.conversation.person import Person
from bot.conversation.reply import Reply
from bot.journal import (
    EXCHANGES_KEPT,
    TEXTS_KEPT,
    Exchange,
    Rating,
    UnansweredQuestion,
    describe,
    find,
    forget,
    forget_old,
    forget_texts,
    mask,
    note_replies,
    rate,
    record,
)
from bot.students import REMEMBERED, Student, save_person
from integrations.database import Database, utc_now
from nlu.understanding import Guess, Understanding

ANNA, BEN = 7_000_000_001, 7_000_000_002
ANSWER = Reply("answer", "en", "You need a permit.", key="visa.need", keys=("visa.need",))
FALLBACK = Reply("fallback", "lt", "Nesu tikras.", keys=("visa.need", "visa.late"))


async def note(
    database: Database, who: int = ANNA, message: int | None = 1, text: str | None = None, reply: Reply = ANSWER
) -> int:
    async with database.begin() as session:
        return await record(session, telegram_id=who, chat_id=who, message_id=message, text=text, reply=reply)


async def rows(database: Database, table: type[Any]) -> Sequence[Any]:
    async with database.begin() as session:
        return (await session.scalars(select(table))).all()


async def test_an_exchange_is_recorded_whole(database: Database) -> None:
    understanding = Understanding(tuple(Guess(f"visa.{n}", 0.12345) for n in range(9)))
    with time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=False):
        exchange = await note(
            database, text="Do I need a visa?", reply=Reply(**{**vars(ANSWER), "understanding": understanding})
        )
    [row] = await rows(database, Exchange)
    assert {column.name: getattr(row, column.name) for column in Exchange.__table__.columns} == {
        "id": exchange,
        "telegram_id": ANNA,
        "chat_id": ANNA,
        "message_id": 1,
        "at": datetime(2026, 11, 24, 12, tzinfo=UTC),
        "language": "en",
        "outcome": "answer",
        "key": "visa.need",
        "ranking": [[f"visa.{n}", 0.123] for n in range(5)],
        "text": "Do I need a visa?",
        "replies": [],
    }
    assert await rows(database, UnansweredQuestion) == []


@pytest.mark.parametrize("text", [None, ""])
async def test_no_text_is_kept_without_consent(database: Database, text: str | None) -> None:
    await note(database, text=text)
    [row] = await rows(database, Exchange)
    assert row.text is None


async def test_a_text_with_what_cannot_be_stored_is_kept_without_it(database: Database) -> None:
    await note(database, text="Do\x00I \ud83dneed a visa?")
    assert [row.text for row in await rows(database, Exchange)] == ["Do�I �need a visa?"]


async def test_a_kept_text_is_masked(database: Database) -> None:
    await note(database, text="I am @anna_k, my number is +370 600 12345")
    [row] = await rows(database, Exchange)
    assert row.text == "I am …, my number is …"


async def test_pressed_buttons_are_recorded_one_by_one(database: Database) -> None:
    await note(database, message=None)
    await note(database, message=None)
    assert [row.message_id for row in await rows(database, Exchange)] == [None, None]


async def test_a_question_without_an_answer_waits_for_the_staff(database: Database) -> None:
    exchange = await note(database, reply=FALLBACK)
    [row] = await rows(database, UnansweredQuestion)
    assert (row.exchange_id, row.nearest, row.seen_by_staff) == (exchange, ["visa.need", "visa.late"], False)


async def test_an_edited_message_replaces_its_record_and_keeps_what_answered_it(database: Database) -> None:
    first = await note(database, reply=FALLBACK)
    async with database.begin() as session:
        await note_replies(session, {(first, 1): 12, (first, 0): 11})
        await rate(session, first, -1, by=ANNA)
    await note(database, message=2)
    edited = await note(database, text="Do I need a visa?")
    records = [(row.message_id, row.outcome, row.replies, row.text) for row in await rows(database, Exchange)]
    assert sorted(records) == [(1, "answer", [11, 12], "Do I need a visa?"), (2, "answer", [], None)]
    assert await rows(database, UnansweredQuestion) == []
    assert await rows(database, Rating) == []
    async with database.begin() as session:
        found = await find(session, ANNA, 1)
        assert found
        assert found.id == edited


async def test_a_message_of_the_same_number_in_another_chat_is_another(database: Database) -> None:
    await note(database, who=ANNA, message=1)
    await note(database, who=BEN, message=1)
    assert sorted(row.chat_id for row in await rows(database, Exchange)) == [ANNA, BEN]
    async with database.begin() as session:
        assert await find(session, ANNA, 2) is None


async def test_only_whoever_asked_rates_the_answer(database: Database) -> None:
    exchange = await note(database)
    async with database.begin() as session:
        assert not await rate(session, exchange, 1, by=BEN)
        assert not await rate(session, exchange + 1, 1, by=ANNA)
    assert await rows(database, Rating) == []
    async with database.begin() as session:
        assert await rate(session, exchange, 1, by=ANNA)
    [row] = await rows(database, Rating)
    assert (row.exchange_id, row.value) == (exchange, 1)


async def test_the_last_rating_counts(database: Database) -> None:
    exchange = await note(database)
    for value in (1, -1):
        async with database.begin() as session:
            assert await rate(session, exchange, value, by=ANNA)
    assert [row.value for row in await rows(database, Rating)] == [-1]


async def test_forgetting_somebody_deletes_everything_of_theirs_and_nothing_of_others(database: Database) -> None:
    for who in (ANNA, BEN):
        async with database.begin() as session:
            await save_person(session, who, Person())
        exchange = await note(database, who=who, text="hello", reply=FALLBACK)
        await note(database, who=who, message=None)
        async with database.begin() as session:
            assert await rate(session, exchange, -1, by=who)
    async with database.begin() as session:
        await forget(session, ANNA)
    left = [len(await rows(database, table)) for table in (Student, Exchange, Rating, UnansweredQuestion)]
    assert left == [1, 2, 1, 1]
    assert {row.telegram_id for row in [*await rows(database, Student), *await rows(database, Exchange)]} == {BEN}


async def test_withdrawing_consent_deletes_ones_own_texts_and_keeps_the_bare_record(database: Database) -> None:
    await note(database, text="hello")
    await note(database, message=2)
    await note(database, who=BEN, text="labas")
    async with database.begin() as session:
        assert await describe(session, ANNA) == (2, 1)
        await forget_texts(session, ANNA)
        assert await describe(session, ANNA) == (2, 0)
        assert await describe(session, BEN) == (1, 1)


async def test_what_has_been_kept_long_enough_is_deleted_and_nothing_younger(database: Database) -> None:
    before, after = timedelta(minutes=-1), timedelta(minutes=1)
    with time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=False) as clock:
        begin = utc_now()
        async with database.begin() as session:
            await save_person(session, ANNA, Person())
        exchange = await note(database, text="hello", reply=FALLBACK)
        async with database.begin() as session:
            assert await rate(session, exchange, -1, by=ANNA)

        async def left(age: timedelta) -> list[int]:
            """Texts, exchanges, ratings, unanswered questions and people that are left at an age."""
            clock.move_to(begin + age)
            async with database.begin() as session:
                await forget_old(session)
            texts = [row for row in await rows(database, Exchange) if row.text]
            tables = (Exchange, Rating, UnansweredQuestion, Student)
            return [len(texts), *[len(await rows(database, table)) for table in tables]]

        assert await left(TEXTS_KEPT + before) == [1, 1, 1, 1, 1]
        assert await left(TEXTS_KEPT + after) == [0, 1, 1, 1, 1]
        assert await left(EXCHANGES_KEPT + before) == [0, 1, 1, 1, 1]
        assert await left(EXCHANGES_KEPT + after) == [0, 0, 0, 0, 1]
        assert await left(REMEMBERED + before) == [0, 0, 0, 0, 1]
        assert await left(REMEMBERED + after) == [0, 0, 0, 0, 0]


async def test_of_a_stranger_nothing_is_recorded(database: Database) -> None:
    async with database.begin() as session:
        assert await describe(session, ANNA) == (0, 0)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to anna.k@gmail.com please", "write to … please"),
        ("call +370 (600) 12-345 or 860012345", "call … or …"),
        ("passport AB1234567, code 39001010000", "passport …, code …"),
        ("card K12345", "card …"),
        ("I am @anna_k", "I am …"),
        ("see https://vk.com/anna?x=1 now", "see … now"),
        ("B2, 2 semesters, 80 EUR, room 101, 2026", "B2, 2 semesters, 80 EUR, room 101, 2026"),
        ("Ar man reikia vizos?", "Ar man reikia vizos?"),
    ],
)
def test_what_could_tell_who_wrote_is_masked_and_nothing_else(text: str, masked: str) -> None:
    assert mask(text) == masked


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=30), st.from_regex(r"\+?[0-9]{7,15}", fullmatch=True), st.text(max_size=30))
def test_no_long_number_stays_whatever_is_around_it(before: str, number: str, after: str) -> None:
    assert number not in mask(f"{before} {number} {after}")


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=100))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert mask(mask(text)) == mask(text)
