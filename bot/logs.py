"""Logs to standard error: constant events with fields, and never a token or what a student wrote."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

# No word boundary before the digits: in an address the token follows "bot" directly.
TOKEN = re.compile(r"\d{6,}:[A-Za-z0-9_-]{20,}")


def set_up_logs(level: str, *, as_json: bool) -> None:
    """Send our events and those of the libraries through one renderer that takes tokens out."""
    steps: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=steps,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _without_tokens(renderer),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "httpx2", "httpcore2", "aiosqlite", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)  # httpx writes the address with the token at INFO
    # It writes the answers that it cannot read, and half an answer holds what people wrote.
    logging.getLogger("telegram.request.BaseRequest").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def without_token(text: str) -> str:
    """The text with every bot token taken out."""
    return TOKEN.sub("(token)", text)


def _without_tokens(renderer: Any) -> Any:
    def render(logger: Any, name: str, event: Any) -> str:
        return without_token(str(renderer(logger, name, event)))

    return render
