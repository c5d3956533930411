"""The entries that this process has read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import inf
from time import monotonic

from .options import MaxStaleness, NearCacheOptions
from .protocol import Item, Message
from .result import Entry, Result
from .terms import meets
from .trust import Trust


class NearCache:
    """Entries, each kept current by a watch of the service, in LRU order.

    An entry is served without a mark while its watch is alive and the heartbeats prove that no event is missing. `peek` may
    be called from any thread, everything else only from the thread of the event loop.
    """

    def __init__(self, options: NearCacheOptions, trust: Trust) -> None:
        self._max_entries = options.max_entries
        self.stale = options.stale
        self._trust = trust
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        #: The present watch. Entries of earlier watches may have missed changes.
        self._watch = 0
        #: When entries of earlier watches were last known to be current, by `time.monotonic()`.
        self._stale_since = -inf
        self._has_stale = False
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def peek(self, key: str) -> Result | None:
        """Returns the entry while it is known to be current, or while the caller's policy allows a stale one."""
        entry = self._entries.get(key)
        if entry is None:
            self.misses += 1
            return None
        try:
            self._entries.move_to_end(key)
        except KeyError:  # The thread of the event loop has just dropped the key.
            pass
        now = monotonic()
        trust = self._trust
        if entry.watch == self._watch and now < trust.until and now < entry.expires_at:
            self.hits += 1
            return Result(entry, "coherent", "near-cache", now * 1000 + trust.offset)
        return self._allowed(entry, now)

    def peek_trusted(self, key: str) -> Result | None:
        """Returns the entry only while it is known to be current."""
        result = self.peek(key)
        return result if result is not None and result.state == "coherent" else None

    def peek_on_terms(self, key: str, terms: Message) -> Result | None:
        """Returns the entry only while it is known to be current and meets the terms."""
        entry = self._entries.get(key)
        result = self.peek_trusted(key)
        if result is None or entry is None or result.status == "miss":
            return result
        return result if meets(terms, result, entry.expires_at - monotonic()) else None

    def fallback(self, key: str) -> Result | None:
        """Returns the entry, in place of an answer that the service could not give."""
        entry = self._entries.get(key)
        if self.stale != "available" or entry is None:
            return None
        now = monotonic()
        return self._stale(entry, now) if now < entry.expires_at else None

    def version_of(self, key: str) -> str | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.version

    def keys(self) -> list[str]:
        return list(self._entries)

    def store(self, key: str, item: Item) -> None:
        """Stores the state of a key that a read or an event found; it is current as of now."""
        version = item.get("version")
        hit = version is not None
        expires_at = monotonic() + item["ttl"] if hit else inf
        status = "hit" if hit else "miss"
        self._entries[key] = Entry(item, status, None, expires_at, self._watch)
        self._entries.move_to_end(key)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def delete(self, key: str) -> None:
        self._entries.pop(key, None)

    def delete_where(self, matches: Callable[[str], bool]) -> None:
        for key in self.keys():
            if matches(key):
                self.delete(key)

    def confirm(self, key: str) -> None:
        """The present watch proves that the entry has not changed."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.watch = self._watch

    def distrust_all(self) -> None:
        """Changes may be missed from now on, so no entry is trusted until a new watch has read it again."""
        self._watch += 1
        # Entries that are stale already are at least as old as this.
        if not self._has_stale:
            self._stale_since = self._trust.proved_at
        self._has_stale = True

    def drop_stale(self) -> None:
        """The new watch has read all keys: drops the entries that it did not find."""
        self.delete_where(lambda key: self._entries[key].watch != self._watch)
        self._has_stale = False

    def _allowed(self, entry: Entry, now: float) -> Result | None:
        stale = self.stale
        if now >= entry.expires_at:
            # This thread may not delete it: a newer entry may have taken its place. The LRU order evicts it.
            self.misses += 1
            return None
        if stale == "strict":
            return None
        if isinstance(stale, MaxStaleness):
            proved_at = self._trust.proved_at if entry.watch == self._watch else self._stale_since
            if now - proved_at > stale.seconds:
                return None
        return self._stale(entry, now)

    def _stale(self, entry: Entry, now: float) -> Result:
        return Result(entry, "stale", "near-cache", self._trust.time_at(now))
