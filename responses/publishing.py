"""Published content in the database: read it, compare it with the files, replace it in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from integrations.database import Database, utc_now
from responses.content import Content, Countries, Entry, Fact, Topic
from responses.models import Publication, PublishedItem

Item = tuple[str, str, str]  # kind, language, name


@dataclass(frozen=True)
class Change:
    """One item that differs: `sign` is + (new), - (gone) or ~ (other), with the bodies before and after."""

    sign: str
    item: Item
    before: Any
    after: Any

    @property
    def title(self) -> str:
        return " ".join(part for part in (self.sign, *self.item) if part)


async def published(database: Database) -> tuple[int, Content] | None:
    """The number of the newest publication and its content, or None where nothing was published yet."""
    async with database.read() as session:
        number = await _newest(session)
        return (number, _assemble(await _items(session))) if number else None


async def newest_publication(database: Database) -> int:
    """The number of the newest publication, 0 where there is none: tells whether a copy in memory is stale."""
    async with database.read() as session:
        return await _newest(session)


async def differences(database: Database, content: Content) -> list[Change]:
    """What publishing this content would change."""
    async with database.read() as session:
        return _differences({item: body for item, _, body in await _items(session)}, content)


async def publish(database: Database, content: Content, *, by: str) -> list[Change]:
    """Replace what is published by this content, wholly or not at all, and record who did it."""
    async with database.begin() as session:
        changes = _differences({item: body for item, _, body in await _items(session)}, content)
        if not changes:
            return []
        number = await _newest(session) + 1
        session.add(Publication(number=number, at=utc_now(), by=by, changes=[change.title for change in changes]))
        await session.flush()
        await session.execute(delete(PublishedItem))
        session.add_all(
            PublishedItem(kind=kind, language=language, name=name, position=position, body=body, publication=number)
            for position, ((kind, language, name), body) in enumerate(_disassemble(content))
        )
        return changes


async def _newest(session: AsyncSession) -> int:
    return await session.scalar(select(func.max(Publication.number))) or 0


async def _items(session: AsyncSession) -> list[tuple[Item, int, Any]]:
    rows = await session.scalars(select(PublishedItem).order_by(PublishedItem.position))
    return [((row.kind, row.language, row.name), row.position, row.body) for row in rows]


def _differences(before: dict[Item, Any], content: Content) -> list[Change]:
    after = dict(_disassemble(content))
    gone = [Change("-", item, before[item], None) for item in before if item not in after]
    new = [Change("+", item, None, after[item]) for item in after if item not in before]
    other = [
        Change("~", item, before[item], after[item]) for item in after if item in before and before[item] != after[item]
    ]
    return sorted(gone + new + other + list(_reordered(before, after)), key=lambda change: change.item)


def _reordered(before: dict[Item, Any], after: dict[Item, Any]) -> Iterator[Change]:
    """The order of the topics where it differs: menus follow it, and nothing else shows the order of anything."""
    was, will_be = (
        [item[2] for item in one if item[0] == "topic" and item in other]
        for one, other in ((before, after), (after, before))
    )
    if was != will_be:
        yield Change("~", ("order", "", "topics"), was, will_be)


def _disassemble(content: Content) -> Iterator[tuple[Item, Any]]:
    for name, facts in content.facts.items():
        yield ("fact", "", name), [_dump(fact) for fact in facts]
    for key, topic in content.topics.items():
        yield ("topic", "", key), _dump(topic)
    yield ("countries", "", "all"), _dump(content.countries)
    for language, areas in content.areas.items():
        for area, title in areas.items():
            yield ("area", language, area), title
    for language, entries in content.entries.items():
        for key, entry in entries.items():
            yield ("entry", language, key), _dump(entry)


def _dump(model: Fact | Topic | Countries | Entry) -> Any:
    return model.model_dump(mode="json", exclude_defaults=True)


def _assemble(items: list[tuple[Item, int, Any]]) -> Content:
    facts: dict[str, tuple[Fact, ...]] = {}
    topics: dict[str, Topic] = {}
    areas: dict[str, dict[str, str]] = {}
    entries: dict[str, dict[str, Entry]] = {}
    countries: Countries | None = None
    for (kind, language, name), _, body in items:
        match kind:
            case "fact":
                facts[name] = tuple(Fact.model_validate(each) for each in body)
            case "topic":
                topics[name] = Topic.model_validate(body)
            case "countries":
                countries = Countries.model_validate(body)
            case "area":
                areas.setdefault(language, {})[name] = body
            case "entry":
                entries.setdefault(language, {})[name] = Entry.model_validate(body)
    assert countries is not None, "a publication always holds the table of countries"
    return Content(facts, topics, countries, areas, entries)
