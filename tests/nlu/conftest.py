"""A tiny model that is really trained, once for all tests of this folder, and a way to stand in for its server."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from nlu.training import ensure_model

EXAMPLES = {
    "en": {
        "visa.need": [
            "do I need a visa",
            "visa requirement for students",
            "is a visa required",
            "must I apply for a visa",
            "visa or no visa",
            "who needs a visa",
        ],
        "housing.apply": [
            "how do I get a dormitory room",
            "apply for a dorm",
            "dormitory application",
            "I need a room on campus",
            "where can I live",
            "housing for students",
        ],
        "talk.greet": ["hello", "hi there", "good morning", "hey", "good evening", "greetings"],
    },
    "lt": {
        "visa.need": [
            "ar man reikia vizos",
            "vizos reikalavimai",
            "ar būtina viza",
            "ar turiu prašyti vizos",
            "kam reikia vizos",
            "viza studentams",
        ],
        "housing.apply": [
            "kaip gauti kambarį bendrabutyje",
            "prašymas dėl bendrabučio",
            "noriu bendrabučio",
            "reikia kambario",
            "kur galiu gyventi",
            "būstas studentams",
        ],
        "talk.greet": ["labas", "sveiki", "labas rytas", "laba diena", "labas vakaras", "sveikas"],
    },
}
INTENTS = {"visa.need", "housing.apply", "talk.greet"}
OLD_MODELS = ("oldest", "older", "old", "newer")  # by age


def write_examples(folder: Path) -> Path:
    for language, intents in EXAMPLES.items():
        (folder / language).mkdir(parents=True)
        parts = [
            f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)
            for intent, texts in intents.items()
        ]
        (folder / language / "all.yml").write_text('version: "3.1"\nnlu:\n' + "".join(parts), encoding="utf-8")
    return folder


@dataclass
class Tiny:
    """What the training was given, what it made and what it said meanwhile."""

    data: Path
    var: Path
    model: Path = Path()
    steps: list[tuple[str, int, int]] = field(default_factory=list)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    folder = tmp_path_factory.mktemp("tiny")
    made = Tiny(write_examples(folder / "data"), folder / "var")
    (made.var / "models").mkdir(parents=True)
    for age, name in enumerate(OLD_MODELS):
        path = made.var / "models" / f"{name}.tar.gz"
        path.write_bytes(b"a model of yesterday")
        os.utime(path, (1_700_000_000 + age, 1_700_000_000 + age))
    made.model = ensure_model(made.var, lambda *step: made.steps.append(step), data=made.data, development=None)
    return made


@asynccontextmanager
async def serving(*routes: Route) -> AsyncIterator[str]:
    """The address of a server that stands in for Rasa's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await running
