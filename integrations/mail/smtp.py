"""Letters through the university's mail server, by SMTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import aiosmtplib

from integrations.mail.letter import Letter, Refused, Unavailable

SECONDS = 20  # to wait for each step of the server
EXAMPLE = "smtp://user:password@mail.ktu.lt:587 or smtps://mail.ktu.lt"


@dataclass(frozen=True)
class SmtpServer:
    """Where a mail server is and how to sign in; encrypted from the first byte on where it is `smtps`."""

    host: str
    port: int
    encrypted: bool
    user: str | None
    password: str | None = field(repr=False)

    @property
    def must_encrypt(self) -> bool:
        """A password does not leave this machine in the clear."""
        return self.password is not None and not self.encrypted and not _is_this_machine(self.host)


def read_server(url: str) -> SmtpServer:
    """The server of an address such as smtp://user:password@host:587. Raises ValueError saying what is expected."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == -1 or parts.path.strip("/"):
        raise ValueError(f"is no mail server's address, for example {EXAMPLE}")
    encrypted = parts.scheme == "smtps"
    return SmtpServer(
        parts.hostname,
        port or (465 if encrypted else 587),
        encrypted,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


class SmtpMail:
    """Sends from one address through one server, with a new connection for each letter: they are few."""

    def __init__(self, server: SmtpServer, sender: str) -> None:
        self._server, self._sender = server, sender

    async def send(self, letter: Letter) -> None:
        server = self._server
        try:
            await aiosmtplib.send(
                self._message(letter),
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.encrypted,
                start_tls=True if server.must_encrypt else None,  # None: where the server offers it
                timeout=SECONDS,
            )
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as error:
            raise (Refused if _is_final(error) else Unavailable)(_said(error)) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(_said(error)) from error

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = formatdate(localtime=True)
        message["Message-ID"] = make_msgid(domain=self._sender.partition("@")[2].rstrip("> ") or None)
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence notice answers
        message.set_content(letter.text)
        return message


def _is_final(error: aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused) -> bool:
    """Whether the server said that it would say the same next time: codes from 500 on."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(each.code >= 500 for each in error.recipients)
    return error.code >= 500


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
