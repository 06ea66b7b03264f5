"""Several servers behind one `parse`, over real HTTP: who is asked, in which order, and what a dead one costs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.app import open_nlu
from bot.settings import Settings
from nlu import servers
from nlu.client import NluClient, Unavailable
from nlu.server import RasaServer
from nlu.servers import AT_ONCE, MOST_ASKED, Servers
from nlu.understanding import Guess, Understanding, judge
from tests.nlu.conftest import Tiny, serving

UNDERSTOOD = Understanding((Guess("visa.need", 0.9),))


@dataclass(eq=False)
class RasaLike:
    """Answers as many texts as it is let, and says whether it is well as long as it is."""

    texts: list[str] = field(default_factory=list)
    arrived: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    let: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    well: bool = True
    confused: bool = False  # well, and yet it fails
    at_once: int = 0
    most: int = 0

    @property
    def routes(self) -> list[Route]:
        return [Route("/model/parse", self.parse, methods=["POST"]), Route("/status", self.tell_status)]

    async def parse(self, request: Request) -> Response:
        text = (await request.json())["text"]
        self.texts.append(text)
        self.arrived.put_nowait(text)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.let.acquire()
        self.at_once -= 1
        if self.confused or not self.well:
            return Response(status_code=503)
        return JSONResponse({"intent_ranking": [{"name": "visa.need", "confidence": 0.9}]})

    async def tell_status(self, request: Request) -> Response:
        return Response(status_code=200 if self.well else 503)

    def answer(self, count: int = 1_000) -> None:
        for _ in range(count):
            self.let.release()

    async def hear(self, count: int) -> list[str]:
        """The next texts that arrive here."""
        return [await self.arrived.get() for _ in range(count)]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "PAUSE", 0.01)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as entered:
        yield entered


async def behind_one(stack: AsyncExitStack, *likes: RasaLike) -> Servers:
    clients = []
    for like in likes:
        clients.append(NluClient(await stack.enter_async_context(serving(*like.routes)), "secret"))
        stack.push_async_callback(clients[-1].close)
    for like in likes:
        stack.callback(like.answer)
    return await stack.enter_async_context(Servers(clients))


def ask(nlu: Servers, *texts: str) -> list[asyncio.Task[Understanding]]:
    return [asyncio.create_task(nlu.parse(text)) for text in texts]


async def test_a_server_has_few_texts_at_once_and_the_others_wait_in_order_of_arrival(stack: AsyncExitStack) -> None:
    rasa = RasaLike()
    nlu = await behind_one(stack, rasa)
    texts = [f"{number}" for number in range(20)]
    asked = ask(nlu, *texts)
    heard = sorted(await rasa.hear(AT_ONCE))  # they come on connections of their own
    while len(heard) < len(texts):
        rasa.answer(1)
        heard += await rasa.hear(1)
    assert heard == texts
    rasa.answer()
    assert await asyncio.gather(*asked) == [UNDERSTOOD] * len(texts)
    assert rasa.most == AT_ONCE


async def test_texts_are_spread_and_go_where_the_least_is_to_do(stack: AsyncExitStack) -> None:
    slow, quick = RasaLike(), RasaLike()
    nlu = await behind_one(stack, slow, quick)
    first = ask(nlu, "a", "b")
    assert sorted(await slow.hear(1) + await quick.hear(1)) == ["a", "b"]
    quick.answer()
    rest = ask(nlu, *(f"{number}" for number in range(30)))
    await asyncio.wait([*first, *rest], return_when=asyncio.FIRST_COMPLETED)
    await quick.hear(30 - (AT_ONCE - 1))
    assert len(slow.texts) == AT_ONCE
    slow.answer()
    assert await asyncio.gather(*first, *rest) == [UNDERSTOOD] * 32


async def test_a_failing_server_is_left_out_until_it_is_well(stack: AsyncExitStack) -> None:
    ill, well = RasaLike(), RasaLike()
    nlu = await behind_one(stack, ill, well)
    ill.answer()
    well.answer()
    ill.well = False
    assert await asyncio.gather(*ask(nlu, *"abcdef")) == [UNDERSTOOD] * 6
    asked = len(ill.texts)
    assert 0 < asked <= AT_ONCE
    assert await asyncio.gather(*ask(nlu, *"abcdef")) == [UNDERSTOOD] * 6
    assert len(ill.texts) == asked
    ill.well = True
    while len(ill.texts) == asked:
        assert await asyncio.gather(*ask(nlu, *"abc")) == [UNDERSTOOD] * 3


async def test_who_was_let_down_does_not_queue_again(stack: AsyncExitStack) -> None:
    ill, well = RasaLike(), RasaLike()
    nlu = await behind_one(stack, ill, well)
    asked = ask(nlu, *(f"{number:02}" for number in range(2 * AT_ONCE + 10)))
    let_down = await ill.hear(AT_ONCE)
    await well.hear(AT_ONCE)
    ill.well = False
    ill.answer()
    await left_out(nlu, 1)
    well.answer()
    assert await asyncio.gather(*asked) == [UNDERSTOOD] * len(asked)
    again = [well.texts.index(text) for text in let_down]
    assert max(again) <= 2 * AT_ONCE + 1  # after those in work, beside the first of the line


async def left_out(nlu: Servers, count: int) -> None:
    while len(nlu._texts) - len(nlu._up) < count:  # noqa: ASYNC110 – there is no event for it
        await asyncio.sleep(0.01)


async def test_where_none_answers_nobody_waits(stack: AsyncExitStack) -> None:
    likes = RasaLike(), RasaLike()
    nlu = await behind_one(stack, *likes)
    asked = ask(nlu, *(f"{number}" for number in range(20)))
    for like in likes:
        await like.hear(AT_ONCE)
        like.well = False
    for like in likes:
        like.answer()
    assert {str(error) for error in await asyncio.gather(*asked, return_exceptions=True)} == {"no server answers"}
    with pytest.raises(Unavailable, match=r"^no server answers$"):
        await nlu.parse("?")
    assert sum(len(like.texts) for like in likes) <= 4 * AT_ONCE


async def test_a_text_that_fails_everywhere_is_given_up_and_the_servers_are_kept(stack: AsyncExitStack) -> None:
    rasa = RasaLike(confused=True)
    nlu = await behind_one(stack, rasa)
    rasa.answer()
    with pytest.raises(Unavailable, match=r"^HTTPStatusError$"):
        await nlu.parse("?")
    assert rasa.texts == ["?"] * MOST_ASKED
    rasa.confused = False
    assert await nlu.parse("?") == UNDERSTOOD


async def test_one_failure_is_forgiven(stack: AsyncExitStack) -> None:
    rasa = RasaLike(confused=True)
    nlu = await behind_one(stack, rasa)
    (asked,) = ask(nlu, "?")
    await rasa.hear(1)
    rasa.answer(1)
    await rasa.hear(1)
    rasa.confused = False
    rasa.answer(1)
    assert await asked == UNDERSTOOD


async def test_a_text_that_nobody_waits_for_any_more_gives_up_its_place(stack: AsyncExitStack) -> None:
    rasa = RasaLike()
    nlu = await behind_one(stack, rasa)
    given_up = ask(nlu, *(f"{number}" for number in range(10)))  # some at the server, one at the head of the line
    await rasa.hear(AT_ONCE)
    for task in given_up:
        task.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    asked = ask(nlu, *"abc")
    await rasa.hear(AT_ONCE)
    rasa.answer()
    assert await asyncio.gather(*asked) == [UNDERSTOOD] * 3


async def test_a_server_that_comes_late_is_waited_for(stack: AsyncExitStack) -> None:
    rasa = RasaLike(well=False)
    nlu = await behind_one(stack, rasa)
    rasa.answer()
    assert not await nlu.wait_ready(0)
    with pytest.raises(Unavailable):
        await nlu.parse("?")
    assert rasa.texts == []
    rasa.well = True
    assert await nlu.wait_ready(60)
    assert await nlu.parse("?") == UNDERSTOOD


@pytest.mark.timeout(300)  # Rasa starts slowly on a busy machine
async def test_a_killed_process_costs_no_answer_and_comes_back(tiny: Tiny) -> None:
    settings = Settings(_env_file=None, data_dir=tiny.var, nlu_processes=2)
    async with open_nlu(settings, tiny.model) as nlu:
        await all_up(nlu)
        processes = pids(nlu)
        keys: Counter[str] = Counter()

        async def ask_on() -> None:
            for _ in range(3):
                keys[judge(await nlu.parse("do I need a visa?")).keys[0]] += 1
                if keys.total() == 20:
                    os.kill(processes[0], signal.SIGKILL)

        await asyncio.gather(*(ask_on() for _ in range(20)))
        assert keys == {"visa.need": 60}
        while pids(nlu)[0] == processes[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await all_up(nlu)
        assert {judge(each).keys[0] for each in await asyncio.gather(*ask(nlu, *["hello"] * 4))} == {"talk.greet"}
        processes += pids(nlu)
    assert not any(map(is_alive, processes))


def pids(nlu: Servers) -> list[int]:
    return [server.pid for server in nlu._texts if isinstance(server, RasaServer) and server.pid]


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def all_up(nlu: Servers) -> None:
    while len(nlu._up) < len(nlu._texts):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
