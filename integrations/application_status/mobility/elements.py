"""XML that others wrote, read safely: what is not asked for is never kept, and nothing is expanded or fetched."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax import ContentHandler, SAXParseException
from xml.sax.handler import feature_namespaces

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from integrations.application_status.mobility.records import Problem, Unreadable


@dataclass
class Element:
    """An element by its name without namespace, with the line where it begins."""

    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        return (child for child in self.children if child.name == name)

    def first(self, *way: str) -> Element | None:
        """The element that a way of names leads to."""
        here: Element | None = self
        for name in way:
            here = next(here.all(name), None) if here else None
        return here

    def text_of(self, *way: str) -> str:
        """What stands there, on one line; empty where nothing does."""
        found = self.first(*way)
        return " ".join(found.text.split()) if found else ""


def read_elements(content: bytes, kept: frozenset[str], name: str) -> Element:
    """The root element with those inside it whose names are kept. Raises Unreadable."""
    collector = _Collector(kept)
    # Our formats have no document type: forbidding it forbids every way to make a small file large.
    parser = DefusedExpatParser(forbid_dtd=True)
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(collector)
    try:
        parser.parse(io.BytesIO(content))
    except DefusedXmlException:
        raise Unreadable(Problem(name, 1, "file", "has a document type or entities, which are refused")) from None
    except SAXParseException as error:
        line = error.getLineNumber() or 1
        raise Unreadable(Problem(name, line, "file", "not valid XML, or not whole")) from None
    return collector.root


class _Collector(ContentHandler):
    """Builds a tree of the kept elements; whatever is inside another one is passed over."""

    def __init__(self, kept: frozenset[str]) -> None:
        super().__init__()
        self._line: Callable[[], int] = lambda: 1
        self.root = Element("", 1)
        self._kept = kept
        self._open: list[Element] = []
        self._passed_over = 0  # elements that are open and not kept

    def setDocumentLocator(self, locator: Any) -> None:
        self._line = locator.getLineNumber

    def startElementNS(self, name: tuple[str | None, str], _qname: str | None, attributes: Any) -> None:
        if self._passed_over or (self._open and name[1] not in self._kept):
            self._passed_over += 1
            return
        element = Element(name[1], self._line(), {local: value for (_, local), value in attributes.items()})
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def characters(self, content: str) -> None:
        if not self._passed_over:
            self._open[-1].text += content

    def endElementNS(self, _name: tuple[str | None, str], _qname: str | None) -> None:
        if self._passed_over:
            self._passed_over -= 1
        else:
            self._open.pop()
