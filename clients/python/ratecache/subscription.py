"""One subscription of the program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from time import monotonic
from typing import Any, Protocol

from .changes import Change, Invalidation, Update
from .connection import Connection
from .errors import RatecacheError, is_given_up
from .interest import Interest
from .protocol import Item, Message, age_at, as_of_in

_SNAPSHOT_TIMEOUT = 60.0
_RETRY = 1.0


#: The version of a key, its quality and the reason, and its code.
_Known = tuple[Any, ...]


def _known_of(item: Item) -> _Known:
    return tuple(item.get(name) for name in ("version", "quality", "qualityReason", "code"))


class SnapshotObserver(Protocol):
    """What the near cache learns from the snapshots of a subscription."""

    def on_item(self, subscription: Subscription, item: Item, answer: Message) -> None: ...

    def on_complete(self, subscription: Subscription, found: Set[str], resumed: bool) -> None:
        """The snapshot is complete. The other keys have no value; after a resume, they did not change."""

    def on_refused(self, subscription: Subscription) -> None:
        """The service refused the subscription, and does not report changes of its keys."""


class Subscription:
    """It survives reconnects: it remembers what the handler knows of each key, and compares every new snapshot with it."""

    def __init__(
        self,
        connection: Connection,
        interest: Interest,
        on_change: Callable[[Change], None],
        observer: SnapshotObserver,
        *,
        initial: bool,
        interval: float | None,
    ) -> None:
        self.covers = interest.covers
        self._connection = connection
        self._interest = interest
        self._on_change = on_change
        self._observer = observer
        self._initial = initial
        self._interval = interval
        #: What the handler knows of each key.
        self._known: dict[str, _Known] = {}
        self._id: int | None = None
        self._is_first = True
        #: Whether the latest attempt succeeded. If its connection was lost since then, the subscription can resume.
        self._is_in_force = False
        self._is_closed = False
        self._retry: asyncio.TimerHandle | None = None

    @property
    def is_prompt(self) -> bool:
        """Whether the service reports every change of the keys at once.

        It does so from the request on, and holds back heartbeats until the snapshot is complete.
        """
        return not self._is_closed and self._id is not None and self._interval is None

    def start(self, resume: Message | None = None) -> asyncio.Future[Message]:
        """Subscribes, for the first time or again. The request is made at once.

        `resume` is the position at which this subscription was in force.
        """
        if self._retry is not None:
            self._retry.cancel()
        requests = self._connection.requests
        request_id = self._id = requests.next_id()
        self._is_in_force = False
        found: set[str] = set()
        known = list(self._known)

        def on_part(answer: Message) -> None:
            if request_id != self._id:
                if answer.get("more") is not True:
                    self._unsubscribe(request_id)
                return
            for item in answer.get("snapshot", ()):
                found.add(item["key"])
                self._observer.on_item(self, item, answer)
                self._found(item)
                if request_id != self._id:  # The handler has closed the subscription.
                    return
            if answer.get("more") is True:
                return
            self._is_first = False
            self._is_in_force = True
            resumed = answer.get("resumed") is True
            self._observer.on_complete(self, found, resumed)
            if not resumed:
                for key in known:
                    if key not in found:
                        self._lost(key, "missed", 0, True)

        request: Message = {"op": "subscribe", **self._interest.members(), "values": True}
        if self._interval is not None:
            request["interval"] = round(self._interval * 1000)
        if resume is not None:
            request["resume"] = resume
        future = requests.send(request, _SNAPSHOT_TIMEOUT, request_id=request_id, on_part=on_part)

        def on_done(done: asyncio.Future[Message]) -> None:
            error = None if done.cancelled() else done.exception()
            if error is not None and request_id == self._id:
                self._id = None
            if is_given_up(error):
                self._unsubscribe(request_id)

        future.add_done_callback(on_done)
        return future

    def restart(self, resume: Message | None = None) -> asyncio.Future[Any]:
        """Subscribes again, and repeats it while the service refuses it."""
        if self._is_closed:
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done
        future = self.start(resume if self._is_in_force else None)
        future.add_done_callback(self._retry_if_refused)
        return future

    def on_update(self, event: Message) -> None:
        self._known[event["key"]] = _known_of(event)
        self._report(event, event.get("merged", 0), False)

    def on_invalidate(self, key: str, event: Message) -> None:
        self._lost(key, event["reason"], event.get("merged", 0), False, event)

    def on_invalidate_where(self, matches: Callable[[str], bool], reason: str) -> None:
        """The values of all these keys may not be valid any more. For keys that still have a value, an update follows."""
        for key in list(self._known):
            if matches(key):
                self._lost(key, reason, 0, False)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        request_id, self._id = self._id, None
        if request_id is not None:
            self._unsubscribe(request_id)

    def _retry_if_refused(self, done: asyncio.Future[Message]) -> None:
        error = None if done.cancelled() else done.exception()
        # The next connection restarts it too.
        if error is None or self._is_closed or not isinstance(error, RatecacheError):
            return
        if error.code in ("disconnected", "closed"):
            return
        # A newer attempt is in progress.
        if self._id is not None:
            return
        self._observer.on_refused(self)
        pause = _RETRY if error.retry_after is None else error.retry_after
        self._retry = asyncio.get_running_loop().call_later(pause, self.restart)

    def _unsubscribe(self, request_id: int) -> None:
        # A lost connection has ended the subscription.
        if self._connection.is_up:
            request = {"op": "unsubscribe", "subscription": request_id}
            self._connection.requests.send(request, _SNAPSHOT_TIMEOUT)

    def _found(self, item: Item) -> None:
        key, version = item["key"], item.get("version")
        known = self._known.get(key)
        if version is None:
            if item.get("code") == "halted":
                self._lost(key, "quality", 0, True, item)
            elif item.get("code") == "cache_miss" and known is not None:
                self._lost(key, "missed", 0, True)
            return
        now = self._known[key] = _known_of(item)
        if known != now and (not self._is_first or self._initial):
            self._report(item, 0, True)

    def _report(self, item: Item, merged: int, from_snapshot: bool) -> None:
        key, version, as_of = item["key"], item["version"], as_of_in(item)
        age = age_at(version, as_of, self._connection.trust.time_at(monotonic()))
        value, source, code = item.get("value"), item.get("source"), item.get("code")
        quality, reason = item.get("quality", "good"), item.get("qualityReason")
        self._on_change(
            Update(key, value, version, as_of, source, quality, reason, age, merged, code, from_snapshot)
        )

    def _lost(self, key: str, reason: str, merged: int, from_snapshot: bool, event: Message | None = None) -> None:
        self._known.pop(key, None)
        said = event or {}
        quality, why = said.get("quality"), said.get("qualityReason")
        self._on_change(Invalidation(key, reason, merged, quality, why, from_snapshot))
