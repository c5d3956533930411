"""The open requests of a client, by id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from .errors import RatecacheError
from .protocol import Message, error_of
from .wait import new_future

#: The service rejects more than 1,024 open requests of a socket.
_MAX_OPEN = 1000

Send = Callable[[str], None]


class _Open:
    __slots__ = ("frame", "future", "is_repeated", "on_part", "repeats", "sent", "timer", "writes")

    def __init__(
        self, frame: str, writes: bool, repeats: bool, on_part: Callable[[Message], None] | None
    ) -> None:
        self.frame = frame
        self.writes = writes
        self.repeats = repeats
        #: Whether it was sent on a connection that was lost.
        self.is_repeated = False
        self.on_part = on_part
        self.sent = False
        self.future = new_future()
        self.timer: asyncio.TimerHandle | None = None


class Requests:
    """A request that is made without a connection waits for one, until its deadline.

    When the connection is lost, a write with an idempotency key is sent again on the next one. Other requests that were sent
    fail with `disconnected`.
    """

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._last_id = 0
        self._send: Send | None = None
        #: Called whenever a request ends.
        self.on_room: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_full(self) -> bool:
        return len(self._open) >= _MAX_OPEN

    def next_id(self) -> int:
        """Reserves an id. A subscription is known by the id of its request."""
        self._last_id += 1
        return self._last_id

    def send(
        self,
        request: Message,
        timeout: float,
        *,
        request_id: int | None = None,
        writes: bool = False,
        on_part: Callable[[Message], None] | None = None,
        urgent: bool = False,
        via: Send | None = None,
    ) -> asyncio.Future[Message]:
        """Sends a request. The future has its answer; for an answer in parts, the last part.

        `writes`: the request changes a value. If no answer arrives, it fails with `write_unknown`.
        `on_part` receives every part of the answer, before any later event. `urgent`: it is sent although the limit of open
        requests is reached. `via` sends before the waiting requests.
        """
        number = self.next_id() if request_id is None else request_id
        if self.is_full and not urgent:
            future = new_future()
            future.set_exception(
                RatecacheError("too_many_requests", f"at most {_MAX_OPEN} requests may be open")
            )
            return future
        opened = _Open(
            _encode({"id": number, **request}), writes, "idempotencyKey" in request, on_part
        )
        self._open[number] = opened
        late = RatecacheError("timeout", f"no answer within {timeout} s")
        opened.timer = asyncio.get_running_loop().call_later(timeout, self._fail, number, opened, late)
        send = via or self._send
        if send is not None:
            opened.sent = True
            send(opened.frame)
        return opened.future

    def on_answer(self, answer: Message) -> None:
        number = answer.get("id")
        opened = self._open.get(number) if isinstance(number, int) else None
        if opened is None or not isinstance(number, int):
            return
        ok = answer.get("ok") is True
        if ok and opened.on_part is not None:
            opened.on_part(answer)
        if ok and answer.get("more") is True:
            return
        if ok:
            self._end(number, opened, answer)
        else:
            error = error_of(answer)
            # Only these answers say what became of the first attempt.
            settled = error.code in ("precondition_failed", "write_unknown")
            unknown = opened.is_repeated and not settled
            self._end(number, opened, _unknown_outcome(error) if unknown else error)

    def connected(self, send: Send) -> None:
        """A connection is up: sends the waiting requests."""
        self._send = send
        for opened in self._open.values():
            if not opened.sent:
                opened.sent = True
                send(opened.frame)

    def disconnected(self) -> None:
        self._send = None
        for number, opened in list(self._open.items()):
            if opened.sent and opened.repeats:
                opened.sent = False
                opened.is_repeated = True
            elif opened.sent:
                lost = RatecacheError("disconnected", "the connection was lost before the answer")
                self._fail(number, opened, lost)

    def close(self, code: str, message: str) -> None:
        """Ends all requests."""
        self._send = None
        for number, opened in list(self._open.items()):
            self._fail(number, opened, RatecacheError(code, message))

    def _fail(self, number: int, opened: _Open, error: RatecacheError) -> None:
        unknown = opened.writes and (opened.sent or opened.is_repeated)
        self._end(number, opened, _unknown_outcome(error) if unknown else error)

    def _end(self, number: int, opened: _Open, outcome: Message | RatecacheError) -> None:
        if opened.timer is not None:
            opened.timer.cancel()
        self._open.pop(number, None)
        if not opened.future.done():
            if isinstance(outcome, RatecacheError):
                opened.future.set_exception(outcome)
            else:
                opened.future.set_result(outcome)
        self.on_room()


def _encode(request: Message) -> str:
    try:
        return json.dumps(request, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RatecacheError("argument_invalid", f"the value cannot be sent as JSON: {error}") from error


def _unknown_outcome(cause: RatecacheError) -> RatecacheError:
    """The write was sent, and its answer will not come."""
    error = RatecacheError(
        "write_unknown",
        f"the write was sent, and its outcome is unknown ({cause.args[0]}); read the key before you write again",
    )
    error.__cause__ = cause
    return error


def decode(data: Any) -> Message:
    message: Message = json.loads(data)
    return message
