"""Letters: one test over everything that sends them, and what an SMTP server may answer."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator

import pytest

from integrations.mail import Letter, Mail, PrintedMail, Refused, SmtpMail, SmtpServer, Unavailable, read_server
from tests.post import Post, running

LETTER = Letter("ona@ktu.lt", "Ką patikrinti šiandien", "Labas, Ona.\n\n.\n• Leidimas: 80 €\n" + "žodis " * 300)
SENDER = "Bičiulis <biciulis@ktu.lt>"


@pytest.fixture
def post() -> Iterator[tuple[Post, int]]:
    """A real SMTP server on loopback and its port."""
    with running() as found:
        yield found


def mail_to(port: int, who: str = "") -> SmtpMail:
    return SmtpMail(read_server(f"smtp://{who}127.0.0.1:{port}"), SENDER)


Shown = Callable[[], tuple[str, str, str]]


@pytest.fixture(params=["printed", "smtp"])
def mail(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> tuple[Mail, Shown]:
    """Something that sends letters, and what its receiver sees: address, subject and text."""
    if request.param == "printed":

        def shown() -> tuple[str, str, str]:
            found = re.fullmatch(
                r"Letter to ([^\n]*)\nSubject: ([^\n]*)\n\n(.*)\n\n", capsys.readouterr().err, re.DOTALL
            )
            assert found
            return found[1], found[2], found[3]

        return PrintedMail(), shown
    post, port = request.getfixturevalue("post")

    def received() -> tuple[str, str, str]:
        (letter,) = post.letters()
        return str(letter["To"]), str(letter["Subject"]), letter.get_content().replace("\r\n", "\n").removesuffix("\n")

    return mail_to(port), received


async def test_a_letter_arrives_as_it_was_written(mail: tuple[Mail, Shown]) -> None:
    sends, shown = mail
    await sends.send(LETTER)
    assert shown() == ("ona@ktu.lt", "Ką patikrinti šiandien", LETTER.text.removesuffix("\n"))


@pytest.mark.parametrize(
    ("to", "subject"), [("ona@ktu.lt\nBcc: x@y.z", "Hello"), ("ona@ktu.lt", "Hello\r\nBcc: x@y.z")]
)
def test_a_letter_cannot_smuggle_in_another_header(to: str, subject: str) -> None:
    with pytest.raises(ValueError, match="one line each"):
        Letter(to, subject, "text")


async def test_a_letter_says_who_wrote_it_when_and_that_no_person_did(post: tuple[Post, int]) -> None:
    await mail_to(post[1]).send(LETTER)
    (letter,), (envelope,) = post[0].letters(), post[0].arrived
    assert (envelope.mail_from, envelope.rcpt_tos) == ("biciulis@ktu.lt", ["ona@ktu.lt"])
    assert str(letter["From"]) == SENDER
    assert letter["Date"].datetime.tzinfo
    assert letter["Message-ID"].endswith("@ktu.lt>")
    assert letter["Auto-Submitted"] == "auto-generated"


async def test_a_server_that_wants_a_name_and_a_password_gets_them(post: tuple[Post, int]) -> None:
    await mail_to(post[1], "bot%40ktu:p%40ss%2Fword@").send(LETTER)
    assert len(post[0].arrived) == 1
    with pytest.raises(Refused, match="535"):
        await mail_to(post[1], "bot%40ktu:wrong@").send(LETTER)
    assert len(post[0].arrived) == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("answer", "error"), [("451 come later", Unavailable), ("550 never", Refused)])
async def test_a_server_may_refuse_for_now_or_for_good(
    post: tuple[Post, int], step: str, answer: str, error: type[Exception]
) -> None:
    post[0].answers[step] = answer
    with pytest.raises(error, match=answer[:3]):
        await mail_to(post[1]).send(LETTER)
    post[0].answers.clear()
    await mail_to(post[1]).send(LETTER)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="SMTPConnectError"):
            await mail_to(nobody.getsockname()[1]).send(LETTER)


async def test_a_password_is_not_sent_in_the_clear_to_another_machine(post: tuple[Post, int]) -> None:
    # Reaches the server here, but is not known to be this machine.
    server = read_server(f"smtp://bot%40ktu:p%40ss%2Fword@0.0.0.0:{post[1]}")
    with pytest.raises(Unavailable, match="STARTTLS"):  # the server here offers none
        await SmtpMail(server, SENDER).send(LETTER)
    assert post[0].arrived == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.ktu.lt", SmtpServer("mail.ktu.lt", 587, False, None, None)),
        ("smtp://mail.ktu.lt:25/", SmtpServer("mail.ktu.lt", 25, False, None, None)),
        ("smtps://a%40b:p%3Aq@mail.ktu.lt", SmtpServer("mail.ktu.lt", 465, True, "a@b", "p:q")),
    ],
)
def test_a_servers_address_is_read(url: str, server: SmtpServer) -> None:
    assert read_server(url) == server
    assert "p:q" not in repr(server)


@pytest.mark.parametrize("url", ["", "mail.ktu.lt", "http://mail.ktu.lt", "smtp://", "smtp://x:many", "smtp://x/y"])
def test_what_is_no_servers_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match=r"smtp://user:password@mail\.ktu\.lt:587"):
        read_server(url)


@pytest.mark.parametrize(
    ("url", "must"),
    [
        ("smtp://a:b@mail.ktu.lt", True),
        ("smtps://a:b@mail.ktu.lt", False),
        ("smtp://mail.ktu.lt", False),
        ("smtp://a:b@localhost", False),
        ("smtp://a:b@[::1]:25", False),
        ("smtp://a:b@127.0.0.1:25", False),
    ],
)
def test_encryption_is_a_must_where_a_password_leaves_this_machine(url: str, must: bool) -> None:
    assert read_server(url).must_encrypt is must
