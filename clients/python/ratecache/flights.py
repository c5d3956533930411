"""Reads in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from .errors import RatecacheError
from .result import Result
from .wait import new_future


class Flight:
    """One read of a key, which all callers that want the key share."""

    __slots__ = ("attempts", "deadline", "future", "key", "overtaken")

    def __init__(self, key: str, deadline: float) -> None:
        self.key = key
        self.future: asyncio.Future[Result] = new_future()
        #: When the last caller stops waiting, by `time.monotonic()`.
        self.deadline = deadline
        #: An event for the key arrived after the request was sent. So the answer may be older than the event.
        self.overtaken = False
        self.attempts = 0


class Flights:
    """Joins reads of the same key, and sends all reads of one turn of the event loop together."""

    def __init__(
        self,
        *,
        max_in_flight: int,
        max_batch_keys: int,
        send: Callable[[Sequence[Flight]], None],
        is_full: Callable[[], bool],
    ) -> None:
        self._max_in_flight = max_in_flight
        self._max_batch_keys = max_batch_keys
        self._send = send
        #: Whether no request can be sent now. Reads then wait, and leave together at the next `flush`.
        self._is_full = is_full
        self._open: dict[str, Flight] = {}
        self._waiting: list[Flight] = []
        self._is_scheduled = False

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, key: str) -> bool:
        return key in self._open

    def join(self, key: str, timeout: float) -> asyncio.Future[Result]:
        check_key(key)
        deadline = monotonic() + timeout
        flight = self._open.get(key)
        if flight is not None:
            flight.deadline = max(flight.deadline, deadline)
            return flight.future
        if len(self._open) >= self._max_in_flight:
            self._expire()
        if len(self._open) >= self._max_in_flight:
            raise RatecacheError("too_many_requests", f"at most {self._max_in_flight} keys may be in flight")
        flight = self._open[key] = Flight(key, deadline)
        self._enqueue(flight)
        return flight.future

    def resolve(self, flight: Flight, result: Result) -> None:
        self._remove(flight)
        if not flight.future.done():
            flight.future.set_result(result)

    def reject(self, flight: Flight, error: Exception) -> None:
        self._remove(flight)
        if not flight.future.done():
            flight.future.set_exception(error)

    def _remove(self, flight: Flight) -> None:
        if self._open.get(flight.key) is flight:
            del self._open[flight.key]

    def again(self, flight: Flight) -> None:
        """Sends a read again, unless nobody waits for it any more."""
        flight.overtaken = False
        if monotonic() < flight.deadline:
            self._enqueue(flight)
        else:
            self.reject(flight, RatecacheError("timeout", "no answer in time"))

    def overtake(self, key: str) -> None:
        flight = self._open.get(key)
        if flight is not None:
            flight.overtaken = True

    def overtake_where(self, matches: Callable[[str], bool]) -> None:
        for flight in self._open.values():
            if matches(flight.key):
                flight.overtaken = True

    def close(self, code: str, message: str) -> None:
        for flight in list(self._open.values()):
            self.reject(flight, RatecacheError(code, message))
        self._waiting = []

    def flush(self) -> None:
        """Sends the waiting reads, as far as requests can be sent."""
        self._is_scheduled = False
        if self._is_full():
            return
        self._expire()
        while self._waiting and not self._is_full():
            batch = self._waiting[: self._max_batch_keys]
            del self._waiting[: self._max_batch_keys]
            for flight in batch:
                flight.overtaken = False
            try:
                self._send(batch)
            except Exception as error:
                # Otherwise later reads of these keys would share reads that never end.
                for flight in batch:
                    self.reject(flight, error)

    def _expire(self) -> None:
        """Ends the reads for which nobody waits any more."""
        now = monotonic()
        late = [flight for flight in self._waiting if flight.deadline <= now]
        if late:
            self._waiting = [flight for flight in self._waiting if flight.deadline > now]
        for flight in late:
            self.reject(flight, RatecacheError("timeout", "no connection in time"))

    def _enqueue(self, flight: Flight) -> None:
        self._waiting.append(flight)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self.flush)


def check_key(key: object) -> None:
    """Raises `RatecacheError` with `argument_invalid` if the key is not a string."""
    if not isinstance(key, str):
        raise RatecacheError("argument_invalid", f"a key must be a string, not {type(key).__name__}")


def remaining(flights: Sequence[Flight]) -> float:
    """Returns how long the last caller of these reads still waits."""
    return max(0.001, max(flight.deadline for flight in flights) - monotonic())
