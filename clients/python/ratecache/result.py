"""The answer to a read of one key."""

from __future__ import annotations

from typing import Any

from .protocol import Item, age_at, as_of_in


class Entry:
    """What is known of a key: an entry of the near cache, or an item of an answer."""

    __slots__ = (
        "age",
        "as_of",
        "code",
        "expires_at",
        "fallback",
        "key",
        "quality",
        "quality_reason",
        "source",
        "status",
        "value",
        "version",
        "watch",
    )

    def __init__(self, item: Item, status: str, code: str | None = None, expires_at: float = 0.0, watch: int = 0) -> None:
        self.key: str = item["key"]
        self.status = status
        self.value = item.get("value")
        self.version: str | None = item.get("version")
        self.as_of = as_of_in(item)
        self.source: str | None = item.get("source")
        self.quality: str = item.get("quality", "good")
        self.quality_reason: str | None = item.get("qualityReason")
        self.fallback: str | None = item.get("fallback")
        self.code = code
        #: How old the data is, where the value was not returned because of it.
        self.age: float | None = item.get("age")
        #: By `time.monotonic()`.
        self.expires_at = expires_at
        #: The number of the watch that keeps the entry current: see `NearCache.distrust_all`.
        self.watch = watch


class Result:
    """What the client knows of a key. A result does not change."""

    __slots__ = ("_entry", "_time", "state", "tier")

    #: What the result may rely on: `coherent`, `degraded`, `blind` or `off` is the state of the service at the time of
    #: the answer. `stale`: the near cache answered although it could not prove that the value is current.
    state: str
    #: `near-cache`: the memory of this process. `service`: an answer of the service.
    tier: str

    def __init__(self, entry: Entry, state: str, tier: str, time: float) -> None:
        self._entry = entry
        self.state = state
        self.tier = tier
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
    def as_of(self) -> float | None:
        """When the data is from, in seconds since 1970; None if its writer did not say."""
        return self._entry.as_of

    @property
    def source(self) -> str | None:
        """Who supplied the data; None if its writer did not say."""
        return self._entry.source

    @property
    def quality(self) -> str:
        """`good`, `suspect` (the service doubts the value), or `halted` (it is returned only with `halted="serve"`)."""
        return self._entry.quality

    @property
    def quality_reason(self) -> str | None:
        """Why the value is not good; None for a good one."""
        return self._entry.quality_reason

    @property
    def fallback(self) -> str | None:
        """The key whose value is returned in place of the requested one."""
        return self._entry.fallback

    @property
    def code(self) -> str | None:
        """Why a hit may be stale, why a miss is not certain, or why the value could not be returned."""
        return self._entry.code

    @property
    def age(self) -> float | None:
        """The age of the data in seconds: counted from `as_of`, else from when the value was written.

        None without a value, or if another program wrote it. With the code `terms_not_met`, it is the age of the value
        that was not returned.
        """
        if self._entry.age is not None:
            return self._entry.age
        return age_at(self._entry.version, self._entry.as_of, self._time)

    def __repr__(self) -> str:
        return (
            f"Result(key={self.key!r}, status={self.status!r}, value={self.value!r}, version={self.version!r}, "
            f"as_of={self.as_of!r}, age={self.age!r}, source={self.source!r}, quality={self.quality!r}, "
            f"code={self.code!r}, state={self.state!r}, tier={self.tier!r})"
        )
