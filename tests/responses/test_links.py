"""Whether links answer, asked of real servers on loopback."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from responses.content import Content, Fact
from responses.files import FOLDER
from responses.links import Finding, Offline, addresses, check_links, places


class Site:
    """A web site whose pages do what their names say; notes who asks for what, and how many at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.times: list[float] = []
        self.at_once = self.most_at_once = 0
        self.address = ""

    async def answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.asked.append((request.method, name, request.headers["user-agent"]))
        self.times.append(time.monotonic())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(20 if name == "slow" else 0.02)
        self.at_once -= 1
        if name == "no-head" and request.method == "HEAD":
            return PlainTextResponse("GET only", 405)
        codes = {"gone": 410, "missing": 404, "forbidden": 403, "failing": 500}
        target = {
            "moved": (301, "fine"),
            "moved-twice": (308, "moved"),
            "elsewhere-today": (302, "fine"),
            "moved-then-today": (301, "elsewhere-today"),
            "moved-to-nothing": (301, "missing"),
            "circle": (302, "circle"),
        }.get(name)
        if name == "moved-nowhere":
            return RedirectResponse("http://no-such-host.invalid/", 301)
        if target:
            return RedirectResponse(f"/{target[1]}", target[0])
        return PlainTextResponse("a page", codes.get(name, 200))


@asynccontextmanager
async def serving(site: Site, certificate: Path | None = None) -> AsyncIterator[Site]:
    app = Starlette(routes=[Route("/{name}", site.answer, methods=["GET", "HEAD"])])
    files = {"ssl_certfile": certificate, "ssl_keyfile": certificate} if certificate else {}
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, **files)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- the server tells nobody
        await asyncio.sleep(0.01)
    site.address = f"http{'s' if certificate else ''}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr("responses.links.SECONDS_BETWEEN", 0.01)
    async with serving(Site()) as site:
        yield site


@pytest.mark.parametrize(
    ("name", "verdict", "said"),
    [
        ("fine", "fine", ""),
        ("no-head", "fine", ""),
        ("elsewhere-today", "fine", ""),
        ("moved", "moved", "{site}/fine"),
        ("moved-twice", "moved", "{site}/fine"),
        ("moved-then-today", "moved", "{site}/elsewhere-today"),
        ("moved-to-nothing", "broken", "404 Not Found"),
        ("missing", "broken", "404 Not Found"),
        ("forbidden", "broken", "403 Forbidden"),
        ("failing", "broken", "500 Internal Server Error"),
        ("circle", "broken", "TooManyRedirects: Exceeded maximum allowed redirects."),
    ],
)
async def test_a_page_is_found_as_it_is(site: Site, name: str, verdict: str, said: str) -> None:
    url = f"{site.address}/{name}"
    assert await check_links([url]) == [Finding(url, verdict, said.format(site=site.address))]  # type: ignore[arg-type]  # one of them


async def test_a_page_is_asked_for_with_head_and_only_then_with_get_by_somebody_who_says_who_they_are(
    site: Site,
) -> None:
    await check_links([f"{site.address}/fine", f"{site.address}/no-head"])
    assert [(method, name) for method, name, _ in site.asked] == [
        ("HEAD", "fine"),
        ("HEAD", "no-head"),
        ("GET", "no-head"),
    ]
    assert {agent for *_, agent in site.asked} == {
        "Biciulis/1.0 (link check of the KTU student assistant; international@ktu.lt)"
    }


async def test_one_host_is_asked_one_thing_at_a_time_with_a_pause_and_several_hosts_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("responses.links.SECONDS_BETWEEN", 0.2)
    async with AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(serving(Site())) for _ in range(3)]
        began = time.monotonic()
        found = await check_links([f"{site.address}/{name}" for name in "abc" for site in sites])
        took = time.monotonic() - began
    assert Counter(each.verdict for each in found) == {"fine": 9}
    for site in sites:
        assert site.most_at_once == 1
        assert all(later - earlier >= 0.2 for earlier, later in zip(site.times, site.times[1:], strict=False))
    assert took < sum(site.times[-1] - site.times[0] for site in sites)  # not one host after the other


async def test_a_page_that_takes_too_long_is_broken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("responses.links.SECONDS_TO_ANSWER", 0.2)
    (finding,) = await check_links([f"{site.address}/slow"])
    assert (finding.verdict, finding.said) == ("broken", "ReadTimeout")


async def test_a_host_that_is_not_there_is_asked_once_and_the_others_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("responses.links.SECONDS_BETWEEN", 60)  # nobody waits to ask it again
    nobody = "http://no-such-host.invalid"
    found = await check_links([f"{nobody}/a", f"{nobody}/b", f"{site.address}/fine"])
    assert [(each.url, each.verdict) for each in found] == [
        (f"{nobody}/a", "no answer"),
        (f"{nobody}/b", "no answer"),
        (f"{site.address}/fine", "fine"),
    ]
    assert found[0].said == found[1].said
    assert found[0].said.startswith("ConnectError: ")


async def test_a_page_that_leads_to_a_host_that_is_not_there_is_broken_by_itself(site: Site) -> None:
    found = await check_links([f"{site.address}/moved-nowhere", f"{site.address}/fine"])
    assert [each.verdict for each in found] == ["broken", "fine"]


async def test_an_address_that_makes_no_sense_is_broken(site: Site) -> None:
    found = await check_links(["https://", "https://[x/", f"{site.address}/fine"])
    assert [each.verdict == "fine" for each in found] == [False, False, True]


async def test_where_nothing_answers_the_machine_is_offline() -> None:
    with pytest.raises(Offline, match="ConnectError"):
        await check_links(["http://no-such-host.invalid/a", "http://127.0.0.1:9/"])
    assert await check_links([]) == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for this machine that only who is told to trusts."""
    made = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made / "key"), "-out", str(made / "both")]
    subprocess.run(command, check=True, capture_output=True)
    with (made / "both").open("a") as both:
        both.write((made / "key").read_text())
    return made / "both"


async def test_a_certificate_that_nobody_vouches_for_is_named(certificate: Path) -> None:
    async with serving(Site(), certificate) as site:
        (finding,) = await check_links([f"{site.address}/fine"])
    assert (finding.verdict, finding.said) == ("broken", "certificate: self-signed certificate")


async def links(folder: Path, address: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command over a copy of the content in which each page is this one."""
    for path in (folder / "facts.yaml", folder / "countries.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"https://[^\s\"',}]+", address, text), encoding="utf-8")
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "responses", "links", str(folder)],
        cwd=FOLDER.parents[1],
        env={**os.environ, **environment, "COLUMNS": "4000"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_names_what_is_broken_with_its_facts_and_places(folder: Path, certificate: Path) -> None:
    async with serving(Site(), certificate) as site:
        done = await links(folder, f"{site.address}/fine")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"broken {site.address}/fine certificate: self-signed certificate" in " ".join(done.stdout.split())
    assert "countries, bachelor_credits_min, bachelor_credits_max" in done.stdout
    assert "content/countries.yaml:6" in done.stdout
    assert done.stdout.endswith("1 addresses: 1 broken, 0 moved for good.\n")


@pytest.mark.parametrize(("name", "moved"), [("fine", 0), ("moved", 1)])
async def test_the_command_ends_well_where_every_page_answers(
    folder: Path, certificate: Path, name: str, moved: int
) -> None:
    async with serving(Site(), certificate) as site:
        done = await links(folder, f"{site.address}/{name}", SSL_CERT_FILE=str(certificate))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"1 addresses: 0 broken, {moved} moved for good.\n")
    assert (f"{site.address}/fine" in done.stdout) == bool(moved)


def test_each_address_is_listed_once_with_all_facts_that_use_it(small: Content, make_fact: Callable[..., Fact]) -> None:
    assert addresses(small) == {
        "https://ktu.edu/source": ("countries", "fee", "stay", "page"),
        "https://www.ktu.edu/visa?a=1&lt=2": ("page",),
    }


def test_every_address_of_the_real_content_has_its_place_in_the_files(content: Content) -> None:
    used = addresses(content)
    assert len(used) > 50
    assert [url for url in used if not list(places(FOLDER, url))] == []
    assert list(places(FOLDER, content.countries.source.url)) == ["content/countries.yaml:6"]


def test_an_address_is_not_found_within_a_longer_one(tmp_path: Path) -> None:
    lines = ["url: https://ktu.edu/a/b", "url: 'https://ktu.edu/a'", "# https://ktu.edu/a.", "https://ktu.edu/a.html"]
    (tmp_path / "facts.yaml").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "countries.yaml").write_text("{url: https://ktu.edu/a}", encoding="utf-8")
    found = [place.split("/", 1)[1] for place in places(tmp_path, "https://ktu.edu/a")]
    assert found == ["facts.yaml:2", "facts.yaml:3", "countries.yaml:1"]
