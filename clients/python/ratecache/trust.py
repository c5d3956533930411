"""What the heartbeats of the present connection prove."""

from __future__ import annotations

import time
from math import inf
from typing import Any

from .protocol import Message


class Trust:
    """Until when entries of the near cache may be trusted, and the time of the service."""

    def __init__(self, max_silence: float) -> None:
        self._max_silence = max_silence
        #: Entries are trusted before this time of `time.monotonic()`.
        self.until = 0.0
        #: When the entries were last known to be current, by `time.monotonic()`.
        self.proved_at = -inf
        self.coherence = "blind"
        #: The latest position; of an earlier connection, until the present one has its first heartbeat.
        self.position: dict[str, Any] | None = None
        #: When the latest answered request for heartbeats was sent, by `time.monotonic()`.
        self._asked_at = -inf
        #: The clock of the service minus `time.monotonic()`, in ms. At first it is the clock of this machine.
        self.offset = (time.time() - time.monotonic()) * 1000

    def on_answer(self, asked_at: float) -> None:
        """A request for heartbeats has its answer. Every heartbeat after it was sent later than the request."""
        self._asked_at = asked_at

    def on_heartbeat(self, event: Message, now: float) -> None:
        """A heartbeat proves the state of the time when it was sent.

        It may have waited in a buffer while this process was stopped or the network was slow, so the time of its arrival
        proves nothing.
        """
        self.position = {"epoch": event["epoch"], "offset": event["offset"]}
        self.offset = event["time"] - now * 1000
        self.coherence = event["coherence"]
        if self.coherence != "coherent":
            return self.lose()
        self.proved_at = self._asked_at
        self.until = self._asked_at + self._max_silence
        return None

    def lose(self) -> None:
        self.until = 0.0

    def time_at(self, now: float) -> float:
        """Returns the time of the service, in ms since the epoch, at a time of `time.monotonic()`."""
        return now * 1000 + self.offset
