"""A Rasa that understands questions.py and costs nothing: `python -m tests.load.scripted_rasa PORT`."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.load.questions import MEANINGS

OUT_OF_SCOPE = {"out_of_scope": 0.9, "talk.help": 0.05, "contact.office": 0.03}


async def parse(request: Request) -> JSONResponse:
    meaning = MEANINGS.get((await request.json())["text"], OUT_OF_SCOPE)
    return JSONResponse({"intent_ranking": [{"name": key, "confidence": sure} for key, sure in meaning.items()]})


async def status(request: Request) -> JSONResponse:
    return JSONResponse({"model_file": "scripted"})


if __name__ == "__main__":
    app = Starlette(routes=[Route("/status", status), Route("/model/parse", parse, methods=["POST"])])
    uvicorn.run(app, port=int(sys.argv[1]), http="h11", log_level="warning")
