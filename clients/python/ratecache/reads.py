"""Reads of keys that the near cache does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic

from .connection import Connection
from .errors import RatecacheError
from .flights import Flight, Flights, check_key, remaining
from .near_cache import NearCache
from .options import Options
from .protocol import Item, Message
from .result import Entry, Result
from .watcher import Watcher

#: How often a read is repeated because an event overtook its answer.
_MAX_ATTEMPTS = 3


class Reads:
    def __init__(
        self, connection: Connection, options: Options, near: NearCache | None, watcher: Watcher | None
    ) -> None:
        self._connection = connection
        self._near = near
        self._watcher = watcher
        self._max_batch_keys = options.max_batch_keys
        self.flights = Flights(
            max_in_flight=options.max_in_flight,
            max_batch_keys=options.max_batch_keys,
            send=self._send,
            is_full=lambda: not connection.is_up or connection.requests.is_full,
        )
        connection.requests.on_room = self.flights.flush

    def _send(self, flights: Sequence[Flight]) -> None:
        watcher = self._watcher
        if watcher is not None and any(not watcher.covers(flight.key) for flight in flights):
            self._read_and_watch(flights, watcher)
        else:
            self._read(flights)

    def _read(self, flights: Sequence[Flight]) -> None:
        keys = [flight.key for flight in flights]
        request: Message = {"op": "get", "key": keys[0]} if len(keys) == 1 else {"op": "mget", "keys": keys}

        def on_part(answer: Message) -> None:
            items = answer.get("results", [answer])
            for flight, item in zip(flights, items):
                self._answered(flight, item, answer.get("coherence"))

        future = self._connection.requests.send(request, remaining(flights), on_part=on_part)
        future.add_done_callback(lambda done: self._failed(flights, _error_of(done)))

    def _read_and_watch(self, flights: Sequence[Flight], watcher: Watcher) -> None:
        """The snapshot of a subscription is the answer to the read: the service sends every later change after it."""
        unanswered = {flight.key: flight for flight in flights}

        def on_part(answer: Message) -> None:
            coherence = answer.get("coherence")
            for item in answer.get("snapshot", ()):
                flight = unanswered.pop(item["key"], None)
                if flight is not None:
                    self._finish(flight, _with_status(item), coherence)
            if answer.get("more") is not True:
                for flight in unanswered.values():
                    self._finish(flight, {"key": flight.key, "status": "miss"}, coherence)
                unanswered.clear()

        def on_done(done: asyncio.Future[Message]) -> None:
            error = _error_of(done)
            left = list(unanswered.values())
            if error is None or not left:
                return
            if error.code in ("disconnected", "timeout", "closed"):
                self._failed(left, error)
            else:  # Without a watch the keys can still be read.
                self._read(left)

        watcher.watch(list(unanswered), remaining(flights), on_part).add_done_callback(on_done)

    async def on_terms(self, keys: Sequence[str], terms: Message, timeout: float) -> list[Result]:
        """Reads keys on terms. No other caller shares the requests, and the near cache does not store the answers."""
        found: dict[str, Result] = {}
        for key in keys:
            check_key(key)
            near = None if self._near is None or "noCache" in terms else self._near.peek_on_terms(key, terms)
            # The service decides when the minimum rate takes the place of a value.
            if near is not None and not ("fallback" in terms and (near.status != "hit" or near.quality != "good")):
                found[key] = near
        rest = [key for key in dict.fromkeys(keys) if key not in found]
        size = self._max_batch_keys
        slices = [rest[at : at + size] for at in range(0, len(rest), size)]
        for answer in await asyncio.gather(
            *(self._ask({"op": "mget", "keys": part, **terms}, timeout) for part in slices)
        ):
            for item in answer["results"]:
                key = item["key"]
                found[key] = self._result(item, answer.get("coherence"))
                # An event about the newer value follows.
                if (
                    self._near is not None
                    and item["status"] != "error"
                    and self._near.version_of(key) != item.get("version")
                ):
                    self._near.delete(key)
        return [found[key] for key in keys]

    async def _ask(self, request: Message, timeout: float) -> Message:
        """A read whose connection is lost is sent again until its deadline."""
        deadline = monotonic() + timeout
        while True:
            try:
                return await self._connection.requests.send(request, max(0.001, deadline - monotonic()))
            except RatecacheError as error:
                if error.code != "disconnected" or monotonic() >= deadline:
                    raise

    def _answered(self, flight: Flight, item: Item, coherence: str | None) -> None:
        if not flight.overtaken:
            return self._finish(flight, item, coherence)
        newer = None if self._near is None else self._near.peek_trusted(flight.key)
        if newer is not None:
            return self.flights.resolve(flight, newer)
        flight.attempts += 1
        if flight.attempts < _MAX_ATTEMPTS:
            return self.flights.again(flight)
        return self.flights.resolve(flight, self._result(item, coherence))

    def _finish(self, flight: Flight, item: Item, coherence: str | None) -> None:
        near, watcher = self._near, self._watcher
        if near is not None and watcher is not None:
            if is_storable(item, coherence) and watcher.covers(flight.key):
                near.store(flight.key, item)
            # The service does not know whether the key has a value.
            if item["status"] != "hit" and item.get("code", "").startswith("l2_"):
                known = near.fallback(flight.key)
                if known is not None:
                    return self.flights.resolve(flight, known)
        return self.flights.resolve(flight, self._result(item, coherence))

    def _failed(self, flights: Sequence[Flight], error: RatecacheError | None) -> None:
        if error is None:
            return
        if error.code == "halted" and len(flights) == 1:
            item = {"key": flights[0].key, "status": "error", "code": "halted"}
            return self._answered(flights[0], {**item, "quality": "halted", "qualityReason": error.args[0]}, None)
        for flight in flights:
            known = None if self._near is None else self._near.fallback(flight.key)
            if known is not None:
                self.flights.resolve(flight, known)
            elif error.code == "disconnected":
                self.flights.again(flight)
            else:
                self.flights.reject(flight, error)

    def _result(self, item: Item, coherence: str | None) -> Result:
        trust = self._connection.trust
        state = coherence or ("off" if trust.coherence == "off" else "coherent")
        entry = Entry(item, item["status"], item.get("code"))
        return Result(entry, state, "service", trust.time_at(monotonic()))


def _error_of(done: asyncio.Future[Message]) -> RatecacheError | None:
    error = None if done.cancelled() else done.exception()
    return error if isinstance(error, RatecacheError) else None


def _with_status(item: Item) -> Item:
    """Returns an item of a snapshot as the answer to a `get` shows it."""
    if item.get("version") is not None:
        return {**item, "status": "hit"}
    return {**item, "status": "miss" if item.get("code", "").startswith("l2_") else "error"}


def is_storable(item: Item, coherence: str | None) -> bool:
    """Returns whether the item is the present state of the key, and not one that may be stale or unknown."""
    if "code" in item or coherence is not None:
        return False
    status: str = item["status"]
    return status == "miss" or (status == "hit" and bool(item["ttl"] > 0))
