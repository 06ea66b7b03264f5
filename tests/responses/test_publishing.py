"""Published content in a real database: whole, compared, and replaced at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from integrations.database import Database, utc_now
from responses.content import Content, Entry, Fact
from responses.models import Publication, PublishedItem
from responses.publishing import Change, differences, newest_publication, publish, published


class Interrupted(Exception):
    """What the stand-ins raise."""


class BreaksOff(Entry):
    """Stands in for whatever ends the process while the content is written: its n-th dump fails."""

    def model_dump(self, **how: Any) -> dict[str, Any]:
        BREAKS.append(self.title)
        if len(BREAKS) == self.version:
            raise Interrupted
        return super().model_dump(**how)


class CannotBeStored(Entry):
    def model_dump(self, **how: Any) -> dict[str, Any]:
        return {"title": object()}


BREAKS: list[str] = []


def with_entry(content: Content, key: str, entry: Entry) -> Content:
    return replace(content, entries={**content.entries, "en": {**content.entries["en"], key: entry}})


async def test_an_empty_database_has_nothing_published(database: Database, small: Content) -> None:
    assert await published(database) is None
    assert await newest_publication(database) == 0
    assert {change.sign for change in await differences(database, small)} == {"+"}


async def test_what_is_published_is_read_back_equal_and_in_order(database: Database, small: Content) -> None:
    await publish(database, small, by="ona")
    assert await published(database) == (1, small)
    found = await published(database)
    assert found
    assert list(found[1].topics) == list(small.topics)
    assert list(found[1].facts) == list(small.facts)


async def test_the_real_content_is_read_back_equal_and_in_order(database: Database, content: Content) -> None:
    changes = await publish(database, content, by="ona")
    found = await published(database)
    assert found == (1, content)
    assert list(found[1].topics) == list(content.topics)
    wordings = sum(len(entries) for entries in content.entries.values())
    areas = sum(len(areas) for areas in content.areas.values())
    assert len(changes) == len(content.facts) + len(content.topics) + 1 + areas + wordings
    assert await differences(database, content) == []


async def test_publishing_the_same_again_is_no_publication(database: Database, small: Content) -> None:
    await publish(database, small, by="ona")
    assert await publish(database, small, by="jonas") == []
    assert await newest_publication(database) == 1


async def test_one_change_is_told_before_and_gone_after(
    database: Database, small: Content, make_entry: Callable[..., Entry]
) -> None:
    await publish(database, small, by="ona")
    changed = with_entry(small, "visa.fee", make_entry("Fee", {"text": "It is {fee}"}))
    expected = [
        Change(
            "~",
            ("entry", "en", "visa.fee"),
            {"title": "Fee", "question": "Fee?", "version": 1, "wordings": [{"text": "{fee}"}]},
            {"title": "Fee", "question": "Fee?", "version": 1, "wordings": [{"text": "It is {fee}"}]},
        )
    ]
    assert await differences(database, changed) == expected
    assert await published(database) == (1, small)  # asking changes nothing
    assert await publish(database, changed, by="ona") == expected
    assert await differences(database, changed) == []
    assert await published(database) == (2, changed)


async def test_new_and_gone_items_are_told_with_their_titles(
    database: Database, small: Content, make_fact: Callable[..., Fact]
) -> None:
    await publish(database, small, by="ona")
    facts = {name: values for name, values in small.facts.items() if name != "stay"}
    facts["mail"] = (make_fact("email", "info@ktu.lt"),)
    areas = {"en": {**small.areas["en"], "visa": "Visas"}, "lt": small.areas["lt"]}
    changes = await differences(database, replace(small, facts=facts, areas=areas))
    assert [change.title for change in changes] == ["~ area en visa", "+ fact mail", "- fact stay"]
    assert (changes[0].before, changes[0].after) == ("Visa", "Visas")
    assert changes[1].before is None
    assert changes[2].after is None


async def test_another_order_of_the_topics_is_a_publication(database: Database, small: Content) -> None:
    await publish(database, small, by="ona")
    turned = replace(small, topics=dict(reversed(small.topics.items())))
    keys = ["visa.need", "visa.fee", "talk.hello"]
    expected = [Change("~", ("order", "", "topics"), keys, keys[::-1])]
    assert await differences(database, turned) == expected
    assert await publish(database, turned, by="ona") == expected
    found = await published(database)
    assert found
    assert list(found[1].topics) == keys[::-1]
    assert await differences(database, turned) == []


async def test_a_topic_that_comes_between_changes_the_order_of_no_other(database: Database, small: Content) -> None:
    without = replace(small, topics={key: topic for key, topic in small.topics.items() if key != "visa.fee"})
    await publish(database, without, by="ona")
    assert [change.title for change in await differences(database, small)] == ["+ topic visa.fee"]


async def test_a_publication_records_who_when_and_what(
    database: Database, small: Content, make_entry: Callable[..., Entry]
) -> None:
    await publish(database, small, by="ona")
    await publish(database, with_entry(small, "visa.fee", make_entry("Price", {"text": "{fee}"})), by="jonas")
    async with database.begin() as session:
        records = (await session.scalars(select(Publication).order_by(Publication.number))).all()
        numbers = set(await session.scalars(select(PublishedItem.publication)))
    assert [(record.number, record.by) for record in records] == [(1, "ona"), (2, "jonas")]
    assert records[1].changes == ["~ entry en visa.fee"]
    assert records[0].changes[0] == "+ area en talk"
    assert numbers == {2}
    now = utc_now()
    assert all(now - timedelta(minutes=5) < record.at <= now and record.at.tzinfo for record in records)
    assert records[0].at.astimezone(UTC) <= records[1].at <= datetime.now(UTC)


@pytest.mark.parametrize("dump", [1, 2])
async def test_a_publication_that_breaks_off_leaves_the_old_content_whole(
    database: Database, small: Content, dump: int
) -> None:
    await publish(database, small, by="ona")
    BREAKS.clear()
    broken = BreaksOff.model_validate({**small.entries["en"]["talk.hello"].model_dump(), "version": dump})
    with pytest.raises(Interrupted):
        await publish(database, with_entry(small, "talk.hello", broken), by="jonas")
    assert len(BREAKS) == dump
    assert await published(database) == (1, small)


async def test_a_row_that_cannot_be_written_leaves_the_old_content_whole(database: Database, small: Content) -> None:
    await publish(database, small, by="ona")
    broken = CannotBeStored.model_validate(small.entries["en"]["talk.hello"].model_dump())
    with pytest.raises((StatementError, TypeError)):  # of SQLAlchemy, or of PostgreSQL's driver
        await publish(database, with_entry(small, "talk.hello", broken), by="jonas")
    assert await published(database) == (1, small)
    assert await newest_publication(database) == 1
