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
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

KEY = re.compile(r"[A-Za-z0-9_-]{43}=")  # 32 bytes


class WrongKeys(Exception):
    """The file of keys makes no sense, or does not fit what was sealed; names the file and line."""


@dataclass(frozen=True)
class Keys:
    """What a key file holds; `seal` with the newest first."""

    print: str
    seal: tuple[str, ...]

    def __repr__(self) -> str:
        return "Keys(…)"


class Vault:
    """Seals and opens what can be written as JSON, with the keys that the file holds when they are first needed.

    Only who works on the database needs them, and keys are changed while nobody does: whoever was starting meanwhile
    has the new ones.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

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
        return hmac.new(self._keys.print.encode(), text, hashlib.sha256).hexdigest()

    @cached_property
    def _keys(self) -> Keys:
        return read_keys(self._path)

    @cached_property
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self._keys.seal])


def open_vault(path: Path) -> Vault:
    """The vault of a key file, which is made where there is none. Raises WrongKeys, OSError.

    Of processes that start at once one makes it; the others find it whole.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            _write(path, Keys(_new_key(), (_new_key(),)), os.link)
    read_keys(path)
    return Vault(path)


def read_keys(path: Path) -> Keys:
    """What a key file holds. Raises WrongKeys, OSError."""
    if path.stat().st_mode & 0o027:
        raise WrongKeys(f"{path} can be read by others than its owner and group: `chmod 600 {path}`")
    keys: dict[str, list[str]] = {"print": [], "seal": []}
    for number, line in enumerate(path.read_text(encoding="ascii", errors="replace").splitlines(), 1):
        match line.split():
            case []:
                continue
            case ["print" | "seal" as what, key] if KEY.fullmatch(key):
                keys[what].append(key)
            case _:
                raise WrongKeys(f"{path}, line {number}: neither `print KEY` nor `seal KEY` with a key of 32 bytes")
    if len(keys["print"]) != 1 or not keys["seal"]:
        raise WrongKeys(f"{path}: needs one line `print KEY` and at least one line `seal KEY`")
    return Keys(keys["print"][0], tuple(keys["seal"]))


def add_seal_key(path: Path) -> Keys:
    """From now on a new key seals. Raises WrongKeys, OSError."""
    keys = read_keys(path)
    keys = Keys(keys.print, (_new_key(), *keys.seal))
    _write(path, keys, os.replace)
    return keys


def drop_old_keys(path: Path, keys: Keys) -> None:
    """Leave the newest seal key alone: nothing may be sealed with another any more. Raises OSError."""
    _write(path, Keys(keys.print, keys.seal[:1]), os.replace)


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _write(path: Path, keys: Keys, put: Callable[[str, Path], None]) -> None:
    """Write the file for its owner only and put it in its place whole, so that it outlives a power cut.

    Where it is there already, os.link raises FileExistsError, and os.replace leaves who may read it as it was.
    """
    lines = [f"print {keys.print}", *(f"seal {key}" for key in keys.seal)]
    with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.", encoding="ascii", delete=False) as file:
        try:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            if path.exists():
                now = path.stat()
                os.fchown(file.fileno(), now.st_uid, now.st_gid)
                os.fchmod(file.fileno(), now.st_mode & 0o777)
            os.fsync(file.fileno())
            put(file.name, path)
        finally:
            Path(file.name).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
