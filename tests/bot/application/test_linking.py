"""Linking a chat to an applicant, on real databases: many at once, guesses, and what is left of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import event, select

from bot import journal
from bot.application.linking import (
    AUDIT_KEPT,
    FINAL_KEPT,
    Asked,
    Described,
    Displaced,
    Proof,
    describe_link,
    find_link,
    forget_applicant,
    print_of_applicant,
    print_of_person,
    set_tell_changes,
    unlink,
)
from bot.application.tables import CodeRequest, Link, LinkedApplicant, LookUp
from bot.application.vault import Vault, open_vault
from bot.conversation.person import Person
from bot.students import REMEMBERED, save_person
from integrations.application_status.case import Applicant
from integrations.database import Database, Session
from tests.bot.application.people import ADA, ANNA, BEN, EVE, KATE, Register, Town, wrong

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LINKED, WRONG, NO_REQUEST = Proof("linked"), Proof("wrong"), Proof("no_request")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "keys")


@pytest.fixture
def town(database: Database, vault: Vault) -> Town:
    return Town(database, vault)


async def rows(town: Town, table: type[Any]) -> Sequence[Any]:
    async with town.database.read() as session:
        return (await session.scalars(select(table).order_by(table.id))).all()


async def links(town: Town) -> dict[int, set[tuple[str, str]]]:
    """To whom each person is linked."""
    found: dict[int, set[tuple[str, str]]] = {each.telegram_id: set() for each in await rows(town, Link)}
    people = {each.id: each.telegram_id for each in await rows(town, Link)}
    for each in await rows(town, LinkedApplicant):
        found[people[each.link_id]].add((each.provider, town.vault.open(each.applicant)))
    return found


async def carry_out(town: Town, verb: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    async with town.database.begin() as session:
        return await verb(session, *arguments)


async def test_a_code_links_the_chat_to_the_applicant(town: Town) -> None:
    with time_machine.travel(NOON, tick=False):
        assert await town.link(ANNA, "  <ADA.lovelace@EXAMPLE.org> ") == LINKED
    [link], [applicant] = await rows(town, Link), await rows(town, LinkedApplicant)
    assert {column.name: getattr(link, column.name) for column in Link.__table__.columns} == {
        "id": link.id,
        "telegram_id": ANNA,
        "chat_id": ANNA,
        "address": link.address,
        "linked_at": NOON,
        "tell_changes": False,
        "cases": None,
        "stands": None,
        "told": None,
        "final_since": None,
    }
    assert town.vault.open(link.address) == ADA.email
    assert (applicant.link_id, applicant.provider) == (link.id, ADA.provider)
    assert applicant.applicant_print == print_of_applicant(town.vault, ADA.provider, ADA.id)
    assert town.vault.open(applicant.applicant) == ADA.id


async def test_one_code_links_to_all_systems_that_know_the_address(town: Town) -> None:
    elsewhere = Applicant("mobility", "outgoing-7", ADA.email.lower())
    town.providers = [Register(), Register([elsewhere], "mobility")]
    assert await town.link() == LINKED
    assert await links(town) == {ANNA: {(ADA.provider, ADA.id), ("mobility", "outgoing-7")}}


async def test_a_code_counts_once(town: Town) -> None:
    code = await town.code()
    assert [await town.prove(code) for _ in range(3)] == [LINKED, NO_REQUEST, NO_REQUEST]


async def test_a_code_counts_in_the_chat_that_asked_for_it(town: Town) -> None:
    anna, ben = await town.code(ANNA), await town.code(BEN, KATE.email)
    assert await town.prove(anna, EVE) == NO_REQUEST
    assert await town.prove(anna, BEN) == WRONG
    assert await town.prove(ben, ANNA) == WRONG
    assert await links(town) == {}


async def test_a_code_counts_until_another_is_asked_for(town: Town) -> None:
    first = await town.code()
    second = await town.code()
    assert await town.prove(first) == (LINKED if first == second else WRONG)
    assert await town.prove(second) == (NO_REQUEST if first == second else LINKED)


@pytest.mark.parametrize(("seconds", "proof"), [(0, LINKED), (599, LINKED), (600, NO_REQUEST), (100_000, NO_REQUEST)])
async def test_a_code_lasts_for_ten_minutes(town: Town, seconds: int, proof: Proof) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        code = await town.code()
        clock.shift(seconds)
        assert await town.prove(code) == proof


async def test_the_ten_minutes_begin_with_the_letter(town: Town) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        await town.ask()
        clock.shift(timedelta(minutes=9))
        await town.deliver()
        clock.shift(timedelta(minutes=9))
        assert await town.prove(town.box.codes()[0]) == LINKED


async def test_the_fifth_try_may_be_right_and_the_sixth_may_not(town: Town) -> None:
    code = await town.code()
    assert [await town.prove(wrong(code)) for _ in range(4)] == [WRONG] * 4
    assert await town.prove(code) == LINKED
    code = await town.code()
    assert [await town.prove(wrong(code)) for _ in range(5)] == [WRONG] * 5
    assert await town.prove(code) == NO_REQUEST


async def test_of_twenty_guesses_at_once_five_count(town: Town) -> None:
    code = await town.code()
    guesses = [f"{(int(code) + number) % 10**6:06}" for number in range(1, 21)]
    found = await asyncio.gather(*(town.prove(guess) for guess in guesses))
    assert Counter(found) == {WRONG: 5, NO_REQUEST: 15}
    assert await town.prove(code) == NO_REQUEST
    assert await links(town) == {}


async def test_of_twenty_times_the_right_code_at_once_one_links(town: Town) -> None:
    code = await town.code()
    assert Counter(await asyncio.gather(*(town.prove(code) for _ in range(20)))) == {LINKED: 1, NO_REQUEST: 19}
    assert await links(town) == {ANNA: {(ADA.provider, ADA.id)}}


async def test_of_chats_that_prove_the_same_applicant_at_once_one_is_linked_and_the_others_are_told(
    town: Town,
) -> None:
    people = (ANNA, BEN, EVE)
    codes = {who: await town.code(who) for who in people}
    proofs = await asyncio.gather(*(town.prove(code, who) for who, code in codes.items()))
    assert {proof.outcome for proof in proofs} == {"linked"}
    [left] = await links(town)
    displaced = [each.telegram_id for proof in proofs for each in proof.displaced]
    assert sorted([left, *displaced]) == sorted(people)
    assert len(await rows(town, LinkedApplicant)) == 1


async def test_a_new_link_tells_of_the_old_chat_in_its_language(town: Town) -> None:
    await carry_out(town, save_person, ANNA, Person(language="lt"))
    await town.link(ANNA)
    assert await town.link(BEN) == Proof("linked", (Displaced(ANNA, ANNA, "lt", ADA.email),))
    assert await links(town) == {BEN: {(ADA.provider, ADA.id)}}
    assert await town.link(BEN) == LINKED  # of oneself nobody is told


async def test_two_chats_that_are_linked_in_different_systems_give_way_to_one_that_has_both(town: Town) -> None:
    elsewhere = Register([Applicant("mobility", "outgoing-7", ADA.email)], "mobility", RuntimeError("away"))
    town.providers = [register := Register(), elsewhere]
    await town.link(ANNA)
    register.trouble, elsewhere.trouble = elsewhere.trouble, None
    await town.link(BEN)
    register.trouble = None
    proof = await town.link(EVE)
    assert {each.telegram_id for each in proof.displaced} == {ANNA, BEN}
    assert await links(town) == {EVE: {(ADA.provider, ADA.id), ("mobility", "outgoing-7")}}


async def test_a_chat_is_linked_to_whom_it_proved_last(town: Town) -> None:
    await town.link(ANNA)
    assert await town.link(ANNA, KATE.email) == LINKED
    assert await links(town) == {ANNA: {(KATE.provider, KATE.id)}}


@pytest.mark.parametrize("typed", ["ada", "ada@example.org.", "ada@example.org, kate@example.org"])
async def test_what_is_no_address_is_told_and_counts_for_nothing(town: Town, typed: str) -> None:
    assert [await town.ask(ANNA, typed) for _ in range(5)] == [Asked.NO_ADDRESS] * 5
    assert await town.ask() == Asked.SENT


@pytest.mark.parametrize("typed", [ADA.email, "nobody@example.org"])
async def test_a_chat_asks_three_times_an_hour_whether_the_address_is_known_or_not(town: Town, typed: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        assert [await town.ask(ANNA, typed) for _ in range(4)] == [Asked.SENT] * 3 + [Asked.TOO_MANY]
        assert await town.ask(BEN, typed) == Asked.SENT
        clock.shift(timedelta(hours=1) - SECOND)
        assert await town.ask(ANNA, typed) == Asked.TOO_MANY
        clock.shift(SECOND)
        assert await town.ask(ANNA, typed) == Asked.SENT


async def test_of_ten_requests_at_once_three_count(town: Town) -> None:
    asked = await asyncio.gather(*(town.ask() for _ in range(10)))
    assert Counter(asked) == {Asked.SENT: 3, Asked.TOO_MANY: 7}


async def test_who_has_themselves_forgotten_may_not_ask_and_guess_anew(town: Town) -> None:
    codes = [await town.code() for _ in range(3)]
    await carry_out(town, journal.forget, ANNA)
    assert await town.ask() == Asked.TOO_MANY
    assert await town.prove(codes[-1]) == NO_REQUEST
    assert await town.ask(BEN) == Asked.SENT
    await town.deliver()
    assert len(town.box.letters) == 3


async def test_of_who_is_forgotten_nothing_stays_but_prints(town: Town) -> None:
    await town.link(ANNA)
    await town.link(BEN, KATE.email)
    await town.ask(ANNA)
    await carry_out(town, journal.forget, ANNA)
    assert await links(town) == {BEN: {(KATE.provider, KATE.id)}}
    assert [
        (each.telegram_id, each.chat_id, each.language, each.address, each.applicants)
        for each in await rows(town, CodeRequest)
        if each.telegram_id != BEN
    ] == [(0, 0, "", "", None)] * 2
    await town.deliver()
    assert len(town.box.letters) == 2


async def test_the_chats_way_is_the_same_whether_the_address_is_known_or_not(town: Town) -> None:
    """Statements are compared, not clocks: what they are, how many, and with how many values."""
    known = await way(town, ANNA, "Ada.Lovelace@example.org")
    assert await way(town, BEN, "Eda.Lovelace@example.org") == known
    assert len(town.box.letters) == 1
    said, statements = known
    assert said == [Asked.SENT, *[WRONG] * 5, NO_REQUEST]
    kinds = Counter(" ".join(statement.split()[:2]) for statement, _ in statements)
    assert (kinds["INSERT INTO"], kinds["UPDATE code_request"]) == (1, 6)


async def way(town: Town, who: int, typed: str) -> tuple[list[object], list[tuple[str, int]]]:
    """What a chat is told that asks for a code and guesses six times, and the statements that it takes."""
    statements: list[tuple[str, int]] = []

    def note(_: Any, __: Any, statement: str, values: Sequence[Any], *___: Any) -> None:
        statements.append((statement, len(values)))

    engine = town.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    said: list[object] = [await town.ask(who, typed)]
    event.remove(engine, "before_cursor_execute", note)
    await town.deliver()
    guess = wrong(town.box.codes()[0])
    event.listen(engine, "before_cursor_execute", note)
    said += [await town.prove(guess, who) for _ in range(6)]
    event.remove(engine, "before_cursor_execute", note)
    return said, statements


async def test_a_link_is_found_described_and_deleted(town: Town) -> None:
    assert await carry_out(town, describe_link, town.vault, ANNA) is None
    assert not await carry_out(town, unlink, ANNA)
    with time_machine.travel(NOON, tick=False):
        await town.link(ANNA)
    await town.link(BEN, KATE.email)
    await carry_out(town, set_tell_changes, ANNA, True)
    await add_look_ups(town, (NOON, ANNA), (NOON, ANNA), (NOON, BEN))
    found = await carry_out(town, find_link, ANNA)
    assert (found.telegram_id, found.tell_changes) == (ANNA, True)
    described = Described("A…@example.org", NOON, tell_changes=True, look_ups=2)
    assert await carry_out(town, describe_link, town.vault, ANNA) == described
    assert await carry_out(town, unlink, ANNA)
    assert await carry_out(town, find_link, ANNA) is None
    assert await links(town) == {BEN: {(KATE.provider, KATE.id)}}


async def add_look_ups(town: Town, *made: tuple[datetime, int]) -> None:
    async with town.database.begin() as session:
        for at, who in made:
            row = LookUp(at=at, who_print=print_of_person(town.vault, who), provider="register", why="asked")
            row.applicant_print, row.result, row.cases = "", "found", 1
            session.add(row)


async def test_what_is_old_is_deleted(town: Town) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        await town.link(ANNA)
        await town.link(BEN, KATE.email)
        await carry_out(town, close, BEN)
        await add_look_ups(town, (NOON, ANNA), (NOON + SECOND, ANNA))
        kept = []
        for age in (timedelta(days=1), SECOND, FINAL_KEPT - timedelta(days=1) - SECOND, SECOND):
            clock.shift(age)
            await carry_out(town, journal.forget_old)
            kept.append((len(await rows(town, CodeRequest)), set(await links(town))))
        assert kept == [(2, {ANNA, BEN}), (0, {ANNA, BEN}), (0, {ANNA, BEN}), (0, {ANNA})]
        clock.move_to(NOON + AUDIT_KEPT + SECOND)
        await carry_out(town, save_person, ANNA, Person())
        await carry_out(town, journal.forget_old)
        assert [each.at for each in await rows(town, LookUp)] == [NOON + SECOND]


async def close(session: Session, telegram_id: int) -> None:
    link = await find_link(session, telegram_id)
    assert link
    link.final_since = NOON


async def test_the_link_of_who_does_not_come_back_is_deleted(town: Town) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for who, address in ((ANNA, ADA.email), (BEN, KATE.email)):
            await carry_out(town, save_person, who, Person())
            await town.link(who, address)
        clock.shift(SECOND)
        await carry_out(town, save_person, BEN, Person())
        clock.shift(REMEMBERED)
        await carry_out(town, journal.forget_old)
    assert set(await links(town)) == {BEN}


async def test_the_files_of_the_database_hold_nothing_personal(town: Town, tmp_path: Path) -> None:
    if town.database.is_postgres:
        pytest.skip("its files are the server's; the rows are the same")
    codes = [await town.code(ANNA), await town.code(BEN, KATE.email), await town.code(EVE)]
    await town.prove(wrong(codes[0]))
    random = await long_texts(town)
    for who, code in zip((ANNA, BEN, EVE), codes, strict=True):
        assert (await town.prove(code, who)).outcome == "linked"
        random |= await long_texts(town)
    await carry_out(town, forget_applicant, BEN)
    whole = contents(tmp_path, random)
    assert ANNA.to_bytes(6) in whole  # what is there is found
    secrets = [ADA.email, ADA.email.lower(), "lovelace", "example.org", ADA.id, KATE.email, KATE.id, *codes]
    assert [each for each in secrets if each.encode() in whole] == []


async def long_texts(town: Town) -> set[str]:
    """Prints and what is sealed: by chance six digits in a row may be in them."""
    found = [vars(row).values() for table in (CodeRequest, Link, LinkedApplicant) for row in await rows(town, table)]
    return {text for values in found for text in values if isinstance(text, str) and len(text) >= 64}


def contents(folder: Path, without: set[str]) -> bytes:
    """The bytes of the SQLite file and of its log, without these texts."""
    files = {path.name: path.read_bytes() for path in folder.glob("biciulis.sqlite*")}
    assert {"biciulis.sqlite", "biciulis.sqlite-wal"} <= files.keys()
    whole = b"".join(files.values())
    for text in without:
        whole = whole.replace(text.encode(), b"|")
    return whole
