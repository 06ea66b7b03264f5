"""Whether the pages answer that facts, sources and links name: each address is asked for once, politely."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx2

from responses.content import Content

AT_ONCE = 8  # hosts
SECONDS_BETWEEN = 1.0  # two addresses of one host
SECONDS_TO_ANSWER = 15
MANNERS = {"User-Agent": "Biciulis/1.0 (link check of the KTU student assistant; international@ktu.lt)"}
PERMANENTLY = (301, 308)

Verdict = Literal["fine", "moved", "broken", "no answer"]


class Offline(Exception):
    """Nothing answered at all: this machine has no way out, which says nothing of the links."""


@dataclass(frozen=True)
class Finding:
    """What came of one address; `said` is the reason, or where the page has moved to for good."""

    url: str
    verdict: Verdict
    said: str = ""


def addresses(content: Content) -> dict[str, tuple[str, ...]]:
    """Every distinct address with the facts that use it, themselves or as their source."""
    used: dict[str, dict[str, None]] = {content.countries.source.url: {"countries": None}}
    for name, values in content.facts.items():
        for fact in values:
            for url in filter(None, (fact.url, fact.source.url)):
                used.setdefault(url, {})[name] = None
    return {url: tuple(names) for url, names in used.items()}


def places(folder: Path, url: str) -> Iterator[str]:
    """Where an address stands in the files: file and line."""
    whole = re.compile(re.escape(url) + r"(?![\w/?&=#%~+-]|\.\w)")
    for path in (folder / "facts.yaml", folder / "countries.yaml"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if whole.search(line):
                yield f"{folder.name}/{path.name}:{number}"


async def check_links(urls: Iterable[str]) -> list[Finding]:
    """Ask for each address: several hosts at once, one host's one after the other. Raises Offline."""
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(_host(url), []).append(url)
    at_once = asyncio.Semaphore(AT_ONCE)
    async with httpx2.AsyncClient(headers=MANNERS, timeout=SECONDS_TO_ANSWER, follow_redirects=True) as client:

        async def visit(listed: list[str]) -> list[Finding]:
            async with at_once:
                return await _check_host(client, listed)

        found = [finding for host in await asyncio.gather(*map(visit, hosts.values())) for finding in host]
    if found and all(finding.verdict == "no answer" for finding in found):
        raise Offline(found[0].said)
    return found


async def _check_host(client: httpx2.AsyncClient, urls: list[str]) -> list[Finding]:
    """The findings of one host; one that does not answer is not asked again."""
    found: list[Finding] = []
    for url in urls:
        if found:
            await asyncio.sleep(SECONDS_BETWEEN)
        finding = await _check(client, url)
        found.append(finding)
        if finding.verdict == "no answer":
            return found + [replace(finding, url=other) for other in urls[len(found) :]]
    return found


async def _check(client: httpx2.AsyncClient, url: str) -> Finding:
    try:
        response = await client.head(url)
        if response.is_error:  # many servers know only GET
            async with client.stream("GET", url) as response:
                pass  # the head of the answer is enough
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
        untrusted = _certificate_error(error)
        redirected = error.request.url.netloc != httpx2.URL(url).netloc
        return Finding(url, "broken" if untrusted or redirected else "no answer", untrusted or _said(error))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Finding(url, "broken", _said(error))
    if response.is_error:
        return Finding(url, "broken", f"{response.status_code} {response.reason_phrase}")
    target = _moved_to(response)
    return Finding(url, "moved", target) if target else Finding(url, "fine")


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:  # no address at all: its finding will say so
        return url


def _moved_to(response: httpx2.Response) -> str | None:
    """Where the page has moved for good: as far as one permanent redirect follows another."""
    target = None
    for each, after in pairwise([*response.history, response]):
        if each.status_code not in PERMANENTLY:
            break
        target = str(after.url)
    return target


def _certificate_error(error: BaseException | None) -> str | None:
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"certificate: {error.verify_message}"
        error = error.__cause__ or error.__context__
    return None


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
