"""Runs in a mount namespace of its own: talks to the assistant while its data folder, a small disk, is full.

`unshare -rm python tests/bot/full_disk_check.py FOLDER` prints a JSON object: what the person read before, while and
after the disk was full, and what the log said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def main(folder: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", folder], check=True)
    nobody = {"BICIULIS_DATA_DIR": str(folder), "BICIULIS_NLU_URL": "http://127.0.0.1:9"}  # the model is away
    # The first start leaves a large write-ahead log, in whose place much could be written on a full disk.
    command, settings = [sys.executable, "-m", "bot", "chat"], os.environ | nobody
    subprocess.run(command, env=settings, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    with subprocess.Popen(
        command,
        env=settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as chat:
        assert chat.stdin and chat.stdout and chat.stderr

        def say(text: str, last_line: str) -> str:
            assert chat.stdin and chat.stdout
            chat.stdin.write(text + "\n")
            chat.stdin.flush()
            read = []
            while not read or last_line not in read[-1]:
                line = chat.stdout.readline()
                if not line:
                    raise SystemExit("the chat ended: " + "".join(read))
                read.append(line)
            return "".join(read)

        before = say("/menu", "] Contacts")
        fill(folder / "filler")
        full = [say("hello", "] Contacts") for _ in range(5)][-1]  # the first may fit into what is open already
        (folder / "filler").unlink()
        after = say("hello", "] Contacts")
        chat.stdin.close()
        print(json.dumps({"before": before, "full": full, "after": after, "log": chat.stderr.read()}))


def fill(path: Path) -> None:
    """Take every byte that is left."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
        except OSError:
            pass
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\0")
        except OSError:
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
