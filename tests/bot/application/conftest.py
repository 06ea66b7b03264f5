"""Two scripted systems that know applicants, looked up on the test's database while the clock stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from bot.application.lookups import Lookups
from integrations.application_status.case import State
from integrations.database import Database
from tests.bot.application.office import NOON, VAULT, Office


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def exchange(clock: time_machine.Traveller) -> Office:
    exchange = Office("exchange")
    exchange.decide("7", State.NOMINATED)
    return exchange


@pytest.fixture
def lookups(database: Database, office: Office, exchange: Office) -> Lookups:
    """The office is the test's own."""
    return Lookups(database, VAULT, [office, exchange])
