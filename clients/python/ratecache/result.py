"""The answer to a read of one key."""

from __future__ import annotations

from typing import Any

from .protocol import age_at


class Entry:
    """What is known of a key: an entry of the near cache, or an item of an answer."""

    __slots__ = ("code", "expires_at", "key", "status", "value", "version", "watch")

    def __init__(
        self, key: str, status: str, value: Any, version: str | None, code: str | None, expires_at: float, watch: int
    ) -> None:
        self.key = key
        self.status = status
        self.value = value
        self.version = version
        self.code = code
        #: By `time.monotonic()`.
        self.expires_at = expires_at
        #: The number of the watch that keeps the entry current: see `NearCache.distrust_all`.
        self.watch = watch


class Result:
    """What the client knows of a key. A result does not change."""

    __slots__ = ("_entry", "_time", "source", "state")

    #: What the result may rely on: `coherent`, `degraded`, `blind` or `off` is the state of the service at the time of
    #: the answer. `stale`: the near cache answered although it could not prove that the value is current.
    state: str
    #: `near-cache`: the memory of this process. `service`: an answer of the service.
    source: str

    def __init__(self, entry: Entry, state: str, source: str, time: float) -> None:
        self._entry = entry
        self.state = state
        self.source = source
        self._time = time

    @property
    def key(self) -> str:
        return self._entry.key

    @property
    def status(self) -> str:
        """`hit`, `miss` (with a `code`: perhaps it has a value that could not be read) or `error`."""
        return self._entry.status

    @property
    def value(self) -> Any:
        """The value; None unless `status` is `hit`. It is shared with the near cache: treat it as read-only."""
        return self._entry.value

    @property
    def version(self) -> str | None:
        return self._entry.version

    @property
    def code(self) -> str | None:
        """Why a hit may be stale, why a miss is not certain, or why the value could not be returned."""
        return self._entry.code

    @property
    def age(self) -> float | None:
        """The time since the value was written, in seconds; None without a value, or if another program wrote it."""
        return age_at(self._entry.version, self._time)

    def __repr__(self) -> str:
        return (
            f"Result(key={self.key!r}, status={self.status!r}, value={self.value!r}, version={self.version!r}, "
            f"code={self.code!r}, state={self.state!r}, source={self.source!r})"
        )
