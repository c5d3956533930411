"""Pauses before the next attempt to connect."""

from __future__ import annotations

import random

_FIRST = 0.05
_LONGEST = 5.0


class Backoff:
    """Pauses that double with every failure, each with jitter, so that clients do not return all at once."""

    def __init__(self) -> None:
        self._pause = _FIRST

    def next(self) -> float:
        pause = self._pause
        self._pause = min(_LONGEST, pause * 2)
        return pause * (0.5 + random.random() / 2)

    def reset(self) -> None:
        self._pause = _FIRST
