"""Which keys the service watches for the near cache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .protocol import Message, type_of

#: Subscriptions to keys of the near cache before they are merged. The service allows 1,000 for each socket.
_MOST_SUBSCRIPTIONS = 200


@dataclass(frozen=True)
class Watch:
    """What one subscription of the near cache covers: some keys, or a data type."""

    keys: tuple[str, ...] = ()
    type: str | None = None

    def members(self) -> Message:
        """Returns the members of the request."""
        return {"keys": list(self.keys)} if self.type is None else {"types": [self.type]}

    def covers(self, key: str) -> bool:
        return key in self.keys if self.type is None else type_of(key) == self.type


class Watches:
    """By key, or by data type once there are many.

    Eviction does not end a watch; the next plan leaves evicted keys out.
    """

    def __init__(self, keys_per_type: int, max_keys: int) -> None:
        self._keys_per_type = keys_per_type
        self._max_keys = max_keys
        self._keys: set[str] = set()
        self._types: set[str] = set()
        #: Types that may not be watched as a whole, for example because the token allows only a part of their keys.
        self._refused: set[str] = set()
        self._count_of: dict[str, int] = {}
        self._by_id: dict[int, Watch] = {}
        self._merge_at = _MOST_SUBSCRIPTIONS

    def __contains__(self, request_id: int) -> bool:
        return request_id in self._by_id

    def covers(self, key: str) -> bool:
        return key in self._keys or type_of(key) in self._types

    def add(self, request_id: int, watch: Watch) -> None:
        self._by_id[request_id] = watch
        if watch.type is not None:
            self._types.add(watch.type)
        for key in watch.keys:
            if key not in self._keys:
                self._keys.add(key)
                name = type_of(key)
                self._count_of[name] = self._count_of.get(name, 0) + 1

    @property
    def is_crowded(self) -> bool:
        """Whether a new plan would need fewer subscriptions."""
        return len(self._by_id) >= self._merge_at or any(
            count > self._keys_per_type and name not in self._types and name not in self._refused
            for name, count in self._count_of.items()
        )

    def remove(self, request_id: int) -> Watch | None:
        """Ends one watch, and returns it. Its keys count as not watched, even if another watch covers them."""
        watch = self._by_id.pop(request_id, None)
        if watch is None:
            return None
        if watch.type is not None:
            self._types.discard(watch.type)
        for key in watch.keys:
            if key in self._keys:
                self._keys.remove(key)
                self._count_of[type_of(key)] -= 1
        return watch

    def refuse(self, name: str) -> None:
        self._refused.add(name)

    def clear(self) -> list[int]:
        """Forgets all watches, and returns the ids of their subscriptions."""
        ids = list(self._by_id)
        self._by_id.clear()
        self._keys.clear()
        self._types.clear()
        self._count_of.clear()
        return ids

    def plan(self, keys: Iterable[str]) -> list[Watch]:
        """Returns the fewest watches that cover these keys."""
        by_type: dict[str, list[str]] = {}
        for key in keys:
            by_type.setdefault(type_of(key), []).append(key)
        single: list[str] = []
        plan: list[Watch] = []
        for name, of_type in by_type.items():
            if len(of_type) > self._keys_per_type and name not in self._refused:
                plan.append(Watch(type=name))
            else:
                single.extend(of_type)
        for start in range(0, len(single), self._max_keys):
            plan.append(Watch(keys=tuple(single[start : start + self._max_keys])))
        self._merge_at = max(_MOST_SUBSCRIPTIONS, 2 * len(plan))
        return plan
