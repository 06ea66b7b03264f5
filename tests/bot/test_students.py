"""What is kept of a student between two messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from bot.conversation.person import Person
from bot.students import Student, load_person, save_person
from integrations.database import Database

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WHOLE = Person("lt", "IN", "visa_required", "master", "admitted", "incoming", "visa.need", "level", consent=True)


async def save(database: Database, telegram_id: int, person: Person) -> None:
    async with database.begin() as session:
        await save_person(session, telegram_id, person)


async def load(database: Database, telegram_id: int) -> Person | None:
    async with database.begin() as session:
        return await load_person(session, telegram_id)


@pytest.mark.parametrize("person", [Person(), WHOLE], ids=["stranger", "everything known"])
async def test_a_person_comes_back_as_saved(database: Database, person: Person) -> None:
    await save(database, 7_000_000_000, person)
    assert await load(database, 7_000_000_000) == person


async def test_nobody_is_known_before_the_first_message(database: Database) -> None:
    await save(database, 1, WHOLE)
    assert await load(database, 2) is None


async def test_the_last_state_counts(database: Database) -> None:
    await save(database, 1, WHOLE)
    await save(database, 1, Person(language="pl"))
    assert await load(database, 1) == Person(language="pl")


@pytest.mark.parametrize(
    ("passed", "expected"),
    [(timedelta(hours=2, seconds=-1), WHOLE), (timedelta(hours=2), WHOLE.forget_context())],
    ids=["before two hours", "after two hours"],
)
async def test_the_context_of_a_conversation_lasts_two_hours(
    database: Database, passed: timedelta, expected: Person
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        await save(database, 1, WHOLE)
        clock.shift(passed)
        assert await load(database, 1) == expected


async def test_every_message_makes_the_context_last_longer(database: Database) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        await save(database, 1, WHOLE)
        clock.shift(timedelta(hours=1))
        await save(database, 1, WHOLE)
        clock.shift(timedelta(hours=1, minutes=59))
        assert await load(database, 1) == WHOLE
        async with database.begin() as session:
            student = await session.get(Student, 1)
            assert student
            assert (student.first_seen, student.last_seen) == (NOON, NOON + timedelta(hours=1))
