"""The tables of the knowledge base. Their rows are what is answered from; the files are its first content."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from integrations.database import Base


class Publication(Base):
    """One change of the published content: who made it, when, and what changed, for the record."""

    __tablename__ = "publication"

    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str]
    changes: Mapped[list[str]] = mapped_column(JSON)


class PublishedItem(Base):
    """One piece of published content in the shape of its file, named by kind, language and name.

    kind is fact, topic, countries, area or entry; language is empty for what is the same in all.
    """

    __tablename__ = "published_item"

    kind: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    body: Mapped[Any] = mapped_column(JSON)
    publication: Mapped[int] = mapped_column(ForeignKey("publication.number"))
