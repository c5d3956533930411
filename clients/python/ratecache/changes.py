"""The changes that a subscription reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Union


@dataclass(frozen=True)
class Update:
    """A new value of a key."""

    key: str
    value: Any
    version: str
    #: When the data is from, in seconds since 1970; None if its writer did not say.
    as_of: float | None
    #: Who supplied the data; None if its writer did not say.
    source: str | None
    #: What the service thinks of the value: `good` or `suspect`.
    quality: str
    #: Why the value is not good; None for a good one.
    quality_reason: str | None
    #: The age of the data in seconds, as in a result; None if another program wrote the value.
    age: float | None
    #: Earlier states of the key that this one replaces.
    merged: int
    #: Set if the value is pending or may be stale.
    code: str | None
    #: Whether a snapshot reported the value: the first one, with the option `initial`, or the one after a reconnect, for
    #: a change in between.
    from_snapshot: bool
    kind: Literal["update"] = "update"


@dataclass(frozen=True)
class Invalidation:
    """The last known value of a key is not valid any more. Read the key to learn whether it has another."""

    key: str
    #: As in `docs/websocket.md`; `missed` if the key lost its value while there was no connection.
    reason: str
    merged: int
    #: `halted` if a mark halts the key.
    quality: str | None
    quality_reason: str | None
    from_snapshot: bool
    kind: Literal["invalidate"] = "invalidate"


Change = Union[Update, Invalidation]


class Changes:
    """Changes as an asynchronous iterator.

    While the program does not ask for the next one, only the newest change of each key waits, so a slow program uses a
    bounded amount of memory.
    """

    def __init__(self, on_close: Callable[[], None]) -> None:
        self._waiting: dict[str, Change] = {}
        self._on_close = on_close
        self._wake = asyncio.Event()
        self._is_done = False
        self._error: BaseException | None = None

    def push(self, change: Change) -> None:
        earlier = self._waiting.get(change.key)
        if earlier is not None:
            change = replace(change, merged=change.merged + earlier.merged + 1)
        self._waiting[change.key] = change
        self._wake.set()

    def end(self, error: BaseException | None = None) -> None:
        """Ends the iteration after the waiting changes."""
        self._is_done = True
        self._error = error
        self._wake.set()

    def close(self) -> None:
        """Ends the iteration and the subscription at once."""
        self._waiting.clear()
        self.end()
        self._on_close()

    def __aiter__(self) -> Changes:
        return self

    async def __anext__(self) -> Change:
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._is_done:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        key = next(iter(self._waiting))
        return self._waiting.pop(key)

    async def __aenter__(self) -> Changes:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
