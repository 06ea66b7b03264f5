"""How many calls are processed in a minute."""

from __future__ import annotations

import time
from collections import deque


class Quota:
    """So many calls in any so many seconds."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self._times: deque[float] = deque()

    def take(self) -> bool:
        """Whether one more is in order."""
        now = time.monotonic()
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        if len(self._times) >= self.calls:
            return False
        self._times.append(now)
        return True
