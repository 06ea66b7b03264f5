"""Personal fields at rest: sealed with a key from a file, and keyed prints by which they are found again.

The file has a line for each key: `print KEY` once, which stays, and `seal KEY` one or more times, the newest first.
What an older key sealed can still be opened.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class WrongKeys(Exception):
    """The file of keys makes no sense, or does not fit what was sealed; names the file and line."""


class Vault:
    """Seals and opens what can be written as JSON."""

    def __init__(self, print_key: bytes, seal_keys: Sequence[bytes]) -> None:
        self._print_key = print_key
        self._fernet = MultiFernet([Fernet(key) for key in seal_keys])

    def seal(self, value: Any) -> str:
        return self._fernet.encrypt(json.dumps(value, ensure_ascii=False).encode()).decode()

    def open(self, sealed: str) -> Any:
        """What was sealed. Raises WrongKeys."""
        try:
            return json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise WrongKeys("What is stored of applicants was sealed with a key that is not in the file.") from None

    def seal_anew(self, sealed: str) -> str:
        """The same under the newest key. Raises WrongKeys."""
        return self.seal(self.open(sealed))

    def print_of(self, *parts: object) -> str:
        """By which equal things are recognised without being known: keyed, so that nobody can try all of them."""
        text = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
        return hmac.new(self._print_key, text, hashlib.sha256).hexdigest()


def open_vault(path: Path) -> Vault:
    """The vault of a key file, which is made where there is none. Raises WrongKeys, OSError."""
    with suppress(FileExistsError):
        _write(path, [f"print {_new_key()}", f"seal {_new_key()}"])
    keys: dict[str, list[bytes]] = {"print": [], "seal": []}
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1):
        match line.split():
            case []:
                continue
            case ["print" | "seal" as what, key] if _is_key(key):
                keys[what].append(key.encode())
            case _:
                raise WrongKeys(f"{path}, line {number}: neither `print KEY` nor `seal KEY` with a key of 32 bytes")
    if len(keys["print"]) != 1 or not keys["seal"]:
        raise WrongKeys(f"{path}: needs one line `print KEY` and at least one line `seal KEY`")
    return Vault(keys["print"][0], keys["seal"])


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _is_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text.encode())) == 32
    except ValueError:
        return False


def _write(path: Path, lines: Sequence[str]) -> None:
    """Make the file, for its owner only. Raises FileExistsError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write("".join(f"{line}\n" for line in lines))
