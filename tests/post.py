"""A real mail server on loopback, that keeps what arrives."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Post:
    """A mail server's other side: keeps what arrives, and answers with what it is told to."""

    def __init__(self) -> None:
        self.arrived: list[Envelope] = []
        self.answers: dict[str, str] = {}

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.arrived.append(envelope)
        return self.answers.get("DATA", "250 OK")

    def letters(self) -> list[EmailMessage]:
        return [message_from_bytes(each.content, policy=default) for each in self.arrived]  # type: ignore[misc, arg-type]  # bytes


def sign_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"bot@ktu", b"p@ss/word")
    return AuthResult(success=right, handled=False)


@contextmanager
def running() -> Iterator[tuple[Post, int]]:
    """The server and its port."""
    post = Post()
    # Named, or each connection would look up this machine's name.
    controller = Controller(
        post, "127.0.0.1", 0, authenticator=sign_in, auth_require_tls=False, server_hostname="localhost"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        controller.port = free.getsockname()[1]
    controller.start()
    try:
        yield post, controller.port
    finally:
        controller.stop()
