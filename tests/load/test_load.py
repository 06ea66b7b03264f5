"""What measures the bot and what kills it is right itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx2
import pytest

from tests.load.crowd import Crowd, share, write
from tests.load.programs import free_port
from tests.load.proxy import proxy
from tests.load.stages import between, read_totals
from tests.load.verdict import Verdict, judge
from tests.telegram_server.sent import Sent
from tests.telegram_server.server import TOKEN, StandIn


def said(text: str, lost: str = "", every: float = 10.0) -> list[Sent]:
    """One message a letter; those at which `lost` has a "x" were taken without the bot's being told."""
    return [Sent(number * every, 1, letter, lost[number : number + 1] == "x") for number, letter in enumerate(text)]


@pytest.mark.parametrize(
    ("sent", "kills", "verdict"),
    [
        (said("abc"), [], Verdict(3)),
        (said("a?c"), [], Verdict(3)),  # an apology stands for b
        (said("??c"), [], Verdict(3)),
        (said("ab"), [], Verdict(2, lost=1)),
        (said("ac"), [], Verdict(2, lost=1)),
        (said("acb"), [], Verdict(3, out_of_order=1)),
        (said("abac"), [], Verdict(3, out_of_order=1)),
        (said("abbc"), [], Verdict(3, repeated=1, needlessly=1)),
        (said("abbc"), [15.0], Verdict(3, repeated=1)),
        (said("abbc"), [9.5], Verdict(3, repeated=1)),  # killed when it had been sent, before that was written down
        (said("abbc"), [5.0, 25.0], Verdict(3, repeated=1, needlessly=1)),
        (said("abbc", ".x.."), [], Verdict(3, repeated=1)),
        (said("abbbc"), [15.0], Verdict(3, repeated=2, needlessly=1)),
        (said("abbbc"), [15.0, 25.0], Verdict(3, repeated=2)),
        (said("???bc", "..x.."), [5.0], Verdict(3, repeated=2)),  # the same apology for the first, twice
        (said("????", "x.x."), [], Verdict(3, repeated=1)),
        (said("aabbcc"), [5.0, 25.0, 45.0], Verdict(3, repeated=3)),
    ],
)
def test_a_chat_is_judged(sent: Sequence[Sent], kills: list[float], verdict: Verdict) -> None:
    assert judge(sent, list("abc"), ["?"], kills) == verdict


def test_the_same_question_asked_twice_is_answered_twice() -> None:
    assert judge(said("aab"), list("aab")) == Verdict(3)
    assert judge(said("ab"), list("aab")) == Verdict(2, lost=1)


def test_a_share_is_the_value_that_so_many_do_not_exceed() -> None:
    assert [share([1.0, 2.0, 3.0, 4.0], part) for part in (0.5, 0.95, 0.99)] == [3.0, 4.0, 4.0]
    assert share([], 0.5) == 0.0


class Parrot:
    """A bot that says everything again, one after another, but `late` only behind the next."""

    def __init__(self, server: StandIn) -> None:
        self.late = ""
        self._http = httpx2.AsyncClient(base_url=f"{server.url}/bot{TOKEN}/", timeout=30)

    async def live(self) -> None:
        offset = 0
        held: list[dict[str, object]] = []
        while True:
            answer = await self._http.post("getUpdates", json={"offset": offset, "timeout": 10})
            for update in answer.json()["result"]:
                offset = update["update_id"] + 1
                message = update["message"]
                reply = {"chat_id": message["chat"]["id"], "text": message["text"]}
                if message["text"] == self.late:
                    held.append(reply)
                    continue
                for each in (reply, *held):
                    await self._http.post("sendMessage", json=each)
                held.clear()


@pytest.fixture
async def server() -> StandIn:
    server = StandIn()
    await server.start()
    return server


async def test_people_in_turns_steadily_and_all_at_once_are_counted_and_their_order_is_seen(server: StandIn) -> None:
    parrot = Parrot(server)
    living = asyncio.create_task(parrot.live())

    def speak(chat: int, turn: int) -> str:
        write(server, chat, f"{chat} {turn}")
        return f"{chat} {turn}"

    try:
        turns = await Crowd(server, speak, people=3).in_turns(seconds=0.3, warm_up=0.1)
        assert turns.answered == turns.said > 3
        assert turns.rate > 0 and 0 < turns.p50 <= turns.p95 <= turns.p99
        steady = await Crowd(server, speak, 3).steadily(rate=50, seconds=0.2)
        assert (steady.said, steady.answered, steady.out_of_order, steady.others) == (10, 10, 0, 0)
        parrot.late = "1001 1"  # said after what comes behind it
        burst = await Crowd(server, speak, 1).burst(4)
        assert (burst.said, burst.answered, burst.out_of_order, burst.others) == (4, 4, 1, 1)
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        await server.stop()


FIGURES = """# TYPE biciulis_nlu_seconds histogram
biciulis_nlu_seconds_bucket{le="+Inf"} %(times)d
biciulis_nlu_seconds_sum %(sum)f
biciulis_nlu_seconds_count %(times)d
# TYPE biciulis_sends_total counter
biciulis_sends_total{method="sendMessage"} 7
"""


async def test_stages_are_read_from_the_figures_of_all_processes() -> None:
    figures = [FIGURES % {"times": 10, "sum": 1.0}]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = figures[-1].encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))
        writer.close()

    page = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{page.sockets[0].getsockname()[1]}"
    async with page:
        before = await read_totals([address, address, "http://127.0.0.1:9"])
        figures.append(FIGURES % {"times": 20, "sum": 1.5})
        after = await read_totals([address, address])
    assert before == {"nlu": (2.0, 20.0)}
    assert between(before, after) == {"nlu": (50.0, 20)}


async def test_the_proxy_goes_round_those_that_listen() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: bytes) -> None:
        writer.write(name + await reader.readexactly(1))
        writer.close()

    servers = [
        await asyncio.start_server(lambda r, w, name=name: answer(r, w, name), "127.0.0.1", 0) for name in (b"1", b"2")
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    async with proxy([ports[0], free_port(), ports[1]]) as address:
        got = []
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
            writer.write(b"?")
            got.append(await reader.read())
            writer.close()
        for server in servers:
            server.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        assert await reader.read() == b""
        writer.close()
    assert got == [b"1?", b"2?", b"2?"]
