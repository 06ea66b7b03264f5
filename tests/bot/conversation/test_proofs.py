"""An address or a code in what somebody wrote."""

from __future__ import annotations

import pytest

from bot.conversation.dialogue import Dialogue
from bot.conversation.person import Person
from bot.conversation.proofs import find_address, find_code
from bot.conversation.reply import Wish
from nlu.language import LanguageDetector
from responses.catalogue import Catalogue
from tests.conftest import TODAY, ScriptedNlu

ADDRESS = "ada@example.org"


@pytest.fixture
def linking(catalogue: Catalogue, nlu: ScriptedNlu, detector: LanguageDetector) -> Dialogue:
    """A conversation that can show applications, in which the model must not be asked."""
    nlu.away = True
    return Dialogue(lambda: catalogue, nlu, detector, lambda: TODAY, shows_applications=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ADDRESS, ADDRESS),
        ("Ada+KTU@Example.org", "Ada+KTU@Example.org"),
        ("my address is ada@example.org.", ADDRESS),
        ("Ada <ada@example.org>", ADDRESS),
        ("mailto:ada@example.org", ADDRESS),
        ("我的邮箱是ada@example.org。", ADDRESS),
        ("ada＠example.org", ADDRESS),
        ("zoë@exämple.org", "zoë@exämple.org"),
        ("ada@example.org or ada@example.com", ADDRESS),
        ("ada@localhost", None),
        ("@biciulis", None),
        ("a@b@c.org", None),
        ("", None),
    ],
)
def test_an_address_is_found(text: str, found: str | None) -> None:
    assert find_address(text) == found


@pytest.mark.parametrize(
    ("text", "alone", "among_words"),
    [
        ("123456", "123456", "123456"),
        (" 123 456\n", "123456", "123456"),
        ("123-456", "123456", "123456"),
        ("12–34–56.", "123456", "123456"),
        ("٠١٢٣٤٥", "012345", "012345"),
        ("\u2068१२३४५६\u2069", "123456", "123456"),
        ("The code is 123456", None, "123456"),
        ("It costs 120000 euros a year, is that true?", None, None),
        ("12345", None, None),
        ("1234567", None, None),
        ("123456 789", None, None),
        ("²²²²²²", None, None),
        ("", None, None),
    ],
)
def test_six_digits_are_a_code(text: str, alone: str | None, among_words: str | None) -> None:
    assert (find_code(text, alone=True), find_code(text, alone=False)) == (alone, among_words)


@pytest.mark.parametrize(
    ("asked", "text", "wish"),
    [
        ("address", ADDRESS, Wish("address", ADDRESS)),
        ("code", f"I meant {ADDRESS}", Wish("address", ADDRESS)),
        ("code", "123 456", Wish("code", "123456")),
        ("code", "it is 123456", Wish("code", "123456")),
        (None, "123456", Wish("code", "123456")),
        ("level", "123456", Wish("code", "123456")),
        (None, ADDRESS, Wish("status")),
        ("citizenship", ADDRESS, Wish("status")),
    ],
)
async def test_what_proves_who_one_is_never_gets_to_the_model(
    linking: Dialogue, asked: str | None, text: str, wish: Wish
) -> None:
    turn = await linking.hear(text, Person(asked=asked))
    assert turn.reply.wish == wish
    assert turn.reply.understanding is None
    assert wish.typed not in turn.reply.text or not wish.typed


@pytest.mark.parametrize("text", ["ada@example", "ada.example.org"])
async def test_a_mistyped_address_is_asked_for_again(linking: Dialogue, text: str) -> None:
    turn = await linking.hear(text, Person(asked="address"))
    assert turn.reply.text.startswith("This is not an e-mail address.")
    assert turn.person.asked == "address"


@pytest.mark.parametrize(("asked", "text"), [("address", "visa?"), ("code", "Where is the letter?"), (None, "12345")])
async def test_anything_else_goes_on_as_any_message(linking: Dialogue, asked: str | None, text: str) -> None:
    turn = await linking.hear(text, Person(asked=asked))
    assert turn.reply.outcome == "fallback"  # the model is away
    assert turn.person.asked is None


async def test_what_was_typed_is_in_no_representation(linking: Dialogue) -> None:
    assert ADDRESS not in repr(await linking.hear(ADDRESS, Person(asked="address")))


async def test_without_a_system_an_address_is_a_message_like_others(dialogue: Dialogue) -> None:
    assert (await dialogue.hear(ADDRESS, Person(asked="address"))).reply.wish is None
