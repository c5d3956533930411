"""A connection that is opened again when it is lost, to the next of several addresses."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from time import monotonic
from typing import Any, Protocol
from urllib.parse import urlsplit

from .backoff import Backoff
from .errors import RatecacheError
from .options import Options, token_of
from .protocol import Message
from .requests import Requests, Send, decode
from .socket import Opener, Socket
from .trust import Trust
from .wait import cancelled, within

#: Heartbeats within the longest accepted silence.
_BEATS = 4
#: The shortest and the longest interval that the service accepts, in ms.
_SHORTEST_INTERVAL_MS = 100
_LONGEST_INTERVAL_MS = 60_000


class ConnectionListener(Protocol):
    def on_up(self) -> None:
        """A new connection is up. Nothing is subscribed yet."""

    def on_down(self) -> None:
        """The connection is lost: changes may be missed from now on."""

    def on_event(self, event: Message) -> None: ...


class Connection:
    def __init__(
        self, addresses: Sequence[str], options: Options, opener: Opener, listener: ConnectionListener
    ) -> None:
        self.requests = Requests()
        self.trust = Trust(options.max_silence)
        self._addresses = addresses
        self._options = options
        self._opener = opener
        self._listener = listener
        self._backoff = Backoff()
        self._attempt = 0
        self._task: asyncio.Task[None] | None = None
        #: Ticks in a row without a frame.
        self._silent_ticks = 0
        self.is_up = False
        self.is_closed = False
        #: Why the latest attempt failed, or the latest connection was lost.
        self.last_error: Exception | None = None

    @property
    def address(self) -> str:
        """The address of the connection, or of the next attempt."""
        return self._addresses[self._attempt % len(self._addresses)]

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        self.is_closed = True
        self._release()
        self.requests.close("closed", "the client was closed")
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        while not self.is_closed:
            try:
                await self._session()
            except Exception as error:
                self._lost(error)
            if not self.is_closed:
                await asyncio.sleep(self._backoff.next())

    async def _session(self) -> None:
        """Opens one connection, and raises when it is lost."""
        options = self._options
        loop = asyncio.get_running_loop()
        token = await self._token()
        socket = await self._open(token)
        outgoing: asyncio.Queue[str] = asyncio.Queue()
        end: asyncio.Future[None] = loop.create_future()
        self._silent_ticks = 0
        tasks = [
            loop.create_task(self._guard(end, work))
            for work in (
                self._read(socket),
                self._write(socket, outgoing),
                self._greet(token, outgoing),
                self._watch(),
            )
        ]
        try:
            await end
        finally:
            # The event loop may end as soon as `close` returns. It complains about tasks that are still pending then.
            await cancelled(tasks)
            await socket.end()

    async def _open(self, token: str | None) -> Socket:
        """Opens a socket, and ends it if this call is cancelled.

        Before Python 3.12, `asyncio.wait_for` ignores that it is cancelled if the socket has just opened.
        """
        timeout = self._options.connect_timeout
        opening = asyncio.ensure_future(self._opener(self.address, token, timeout))
        try:
            await within((opening,), timeout)
        except BaseException:
            await cancelled((opening,))
            if not opening.cancelled() and opening.exception() is None:
                await opening.result().end()
            raise
        return opening.result()

    async def _token(self) -> str | None:
        """Returns the token for one connection. It is asked for in a task of its own, so that its cancellation is an error."""
        timeout = self._options.connect_timeout
        asking = asyncio.get_running_loop().create_task(token_of(self._options))
        try:
            await asyncio.wait((asking,), timeout=timeout)
            if not asking.done():
                raise RatecacheError("disconnected", f"no token within {timeout} s")
        finally:
            await cancelled((asking,))
        if asking.cancelled():
            raise RatecacheError("disconnected", "the task that obtains the token was cancelled")
        return asking.result()

    async def _guard(self, end: asyncio.Future[None], work: Any) -> None:
        try:
            await work
        except Exception as error:
            if not end.done():
                end.set_exception(error)

    async def _read(self, socket: Socket) -> None:
        async for data in socket.frames():
            if not self.is_closed:
                self._on_message(decode(data))

    async def _write(self, socket: Socket, outgoing: asyncio.Queue[str]) -> None:
        while True:
            await socket.send(await outgoing.get())

    async def _greet(self, token: str | None, outgoing: asyncio.Queue[str]) -> None:
        options = self._options
        send = outgoing.put_nowait
        # The service reads nothing else from the socket until it knows the token.
        if token is not None and not self._opener.sends_token:
            await self.requests.send({"op": "auth", "token": token}, options.timeout, via=send)
        beating = self._ask_for_heartbeats(options.timeout, send)
        self.is_up = True
        self._listener.on_up()
        self.requests.connected(send)
        # Without heartbeats the connection is useless.
        await beating

    def _ask_for_heartbeats(self, timeout: float, via: Send | None = None) -> asyncio.Future[Message]:
        """The service sends a heartbeat at once, and then at every interval.

        With a near cache every tick asks again, so longer intervals suffice.
        """
        options = self._options
        wanted = math.floor(options.max_silence * 1000 / (_BEATS if options.near_cache is None else 1))
        interval = min(max(_SHORTEST_INTERVAL_MS, wanted), _LONGEST_INTERVAL_MS)
        asked_at = monotonic()
        return self.requests.send(
            {"op": "heartbeat", "interval": interval},
            timeout,
            on_part=lambda _: self.trust.on_answer(asked_at),
            urgent=True,
            via=via,
        )

    def _on_message(self, message: Message) -> None:
        self._silent_ticks = 0
        event = message.get("event")
        if event is None:
            return self.requests.on_answer(message)
        if event == "heartbeat":
            self._backoff.reset()
            self.trust.on_heartbeat(message, monotonic())
        elif event == "reset":
            self.trust.lose()
        return self._listener.on_event(message)

    async def _watch(self) -> None:
        """Ends a connection on which nothing arrives.

        Ticks are counted, not the time: if this process was late, its timers are late too. During a long snapshot no
        heartbeats arrive, so a silent service is also asked. For the near cache the service is asked at every tick: see
        `Trust`.
        """
        options = self._options
        every = options.max_silence / _BEATS
        opening = math.ceil(options.connect_timeout / every)
        while True:
            await asyncio.sleep(every)
            self._silent_ticks += 1
            if self._silent_ticks > (_BEATS if self.is_up else opening):
                raise RatecacheError("disconnected", f"no frame for {options.max_silence} s")
            if self.is_up and (options.near_cache is not None or self._silent_ticks == _BEATS // 2):
                self._ask_for_heartbeats(options.max_silence)

    def _lost(self, error: Exception) -> None:
        host = urlsplit(self.address).netloc
        why = str(error) or type(error).__name__
        was_up = self.is_up
        self._release()
        self.last_error = RatecacheError("disconnected", f"{host}: {why}")
        self.last_error.__cause__ = error
        self._attempt += 1
        self.requests.disconnected()
        if was_up:
            self._listener.on_down()

    def _release(self) -> None:
        self.is_up = False
        self.trust.lose()
