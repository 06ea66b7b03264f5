"""Staff are told once a day what is due, as two jobs: with a real database, over failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from bot.jobs import FIRST_PAUSE, Runner
from bot.notices import LONGEST_LIST, chat_notice, letter_notice, notice
from integrations.database import Database
from integrations.mail import Letter, Refused, Unavailable
from responses.catalogue import Catalogue
from responses.content import Fact
from responses.state import Due, Why
from tests.processes import Process

VILNIUS = ZoneInfo("Europe/Vilnius")
DAY = date(2026, 11, 24)
EIGHT = datetime(2026, 11, 24, 8, tzinfo=VILNIUS)
FACT: dict[str, Any] = {"type": "money", "value": "80 EUR", "seen": DAY, "review_by": DAY, "owner": "studies"}
FACT |= {"needs_review": False, "source": {"title": "A page", "url": "https://ktu.edu/fee"}}


def due(why: Why = "overdue", name: str = "fee", **said: Any) -> Due:
    return Due(name, Fact.model_validate(FACT | said), DAY, why, ("visa.fee",))


@dataclass
class Office:
    """The staff, who read their chat and get letters, or are not reached by mail."""

    listed: list[Due] = field(default_factory=lambda: [due()])
    asked: list[date] = field(default_factory=list)
    chat: list[str] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    trouble: Exception | None = None

    def list_due(self, day: date) -> Sequence[Due]:
        self.asked.append(day)
        return self.listed

    async def say(self, _: AsyncSession, text: str) -> None:
        self.chat.append(text)

    async def send(self, letter: Letter) -> None:
        if self.trouble:
            raise self.trouble
        self.letters.append(letter)

    def runner(self, database: Database) -> Runner:
        jobs = [chat_notice(self.list_due, self.say), letter_notice(self.list_due, self, "office@ktu.lt")]
        return Runner(database, jobs, Process(set()))


async def test_staff_read_in_their_chat_and_in_a_letter_what_is_due_each_morning(database: Database) -> None:
    office = Office(listed=[due(name=f"fee_{number}") for number in range(LONGEST_LIST + 2)])
    with time_machine.travel(EIGHT - timedelta(minutes=1), tick=False) as clock:
        runner = office.runner(database)
        await runner.declare()
        for moment in (EIGHT - timedelta(seconds=1), EIGHT, EIGHT + timedelta(hours=15)):
            clock.move_to(moment)
            await runner.look()
        assert office.chat == [notice(office.listed, LONGEST_LIST)]
        whole = notice(office.listed, len(office.listed))
        assert office.letters == [Letter("office@ktu.lt", "Bičiulis: figures to look up, 2026-11-24", whole)]
        clock.move_to(EIGHT + timedelta(days=1))
        await runner.look()
    assert (len(office.chat), len(office.letters)) == (2, 2)
    assert office.asked == [DAY] * 2 + [DAY + timedelta(days=1)] * 2


@pytest.mark.parametrize(
    ("hours", "told"), [(14, 1), (20, 0)], ids=["in the evening", "by night, four hours before the next one"]
)
async def test_a_morning_that_was_missed_is_made_up_for_until_midnight(
    database: Database, hours: int, told: int
) -> None:
    office = Office()
    with time_machine.travel(EIGHT - timedelta(minutes=1), tick=False) as clock:
        await office.runner(database).declare()
        clock.move_to(EIGHT + timedelta(hours=hours))
        await office.runner(database).look()
        assert (len(office.chat), len(office.letters)) == (told, told)
        clock.move_to(EIGHT + timedelta(days=1))
        await office.runner(database).look()
    assert (len(office.chat), len(office.letters)) == (told + 1, told + 1)


@pytest.mark.parametrize("listed", [[], [due("never checked")]])
async def test_nothing_is_told_while_nothing_has_come_due(database: Database, listed: list[Due]) -> None:
    office = Office(listed=listed)
    with time_machine.travel(EIGHT - timedelta(minutes=1), tick=False) as clock:
        await office.runner(database).declare()
        clock.move_to(EIGHT)
        await office.runner(database).look()
    assert (office.chat, office.letters) == ([], [])


@pytest.mark.parametrize("error", [Unavailable("no route"), Refused("535 wrong password")])
async def test_a_letter_that_fails_is_sent_again_without_the_chat(database: Database, error: Exception) -> None:
    office = Office(trouble=error)
    with time_machine.travel(EIGHT - timedelta(minutes=1), tick=False) as clock:
        runner = office.runner(database)
        await runner.declare()
        clock.move_to(EIGHT)
        with capture_logs() as logs:
            await runner.look()
        assert [(each["event"], each["job"]) for each in logs] == [
            ("job_done", "staff_chat_notice"),
            ("job_failed", "staff_letter"),
        ]
        assert logs[1]["reason"] == f"{type(error).__name__}: {error}"
        office.trouble = None
        clock.shift(FIRST_PAUSE)
        await runner.look()
    assert (len(office.chat), len(office.letters)) == (1, 1)


def test_a_notice_counts_everything_and_lists_what_has_a_day() -> None:
    ended = due("not valid", "old_fee", valid_until=DAY)
    listed = [ended, due(), due(value="7 EUR", name="small_fee"), due("never checked", "new_fee")]
    assert notice(listed, 2) == (
        "Figures to look up: 1 not valid, 2 overdue, 1 never checked\n\n"
        "• not valid, until 2026-11-24: old_fee = 80 EUR (studies)\nhttps://ktu.edu/fee\n\n"
        "• overdue, review by 2026-11-24: fee = 80 EUR (studies)\nhttps://ktu.edu/fee\n\n"
        "… and 1 more\n\n"
        "All of them: python -m responses due"
    )


def test_the_longest_notice_fits_into_a_telegram_message(catalogue: Catalogue) -> None:
    listed = catalogue.due(date(2099, 1, 1))
    assert len(listed) > 200
    longest = sorted(listed, key=lambda each: len(notice([each], 1)))[-LONGEST_LIST - 1 :]
    assert len(notice(longest, LONGEST_LIST)) <= 4096
