"""What the client needs of a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from .protocol import SUBPROTOCOL


class Socket(Protocol):
    async def send(self, frame: str) -> None: ...

    def frames(self) -> AsyncIterator[Any]:
        """Yields every frame. When the connection is lost, it raises the cause."""

    async def end(self) -> None:
        """Ends the connection at once, also when the other side does not answer. No task of the socket remains."""


class Opener(Protocol):
    """Opens a socket."""

    @property
    def sends_token(self) -> bool:
        """Whether the token is in the request for the upgrade. Otherwise the client sends the message `auth`."""

    async def __call__(self, url: str, token: str | None, timeout: float) -> Socket: ...


class WebsocketsSocket:
    def __init__(self, ws: Any) -> None:
        self._ws = ws

    async def send(self, frame: str) -> None:
        await self._ws.send(frame)

    async def frames(self) -> AsyncIterator[Any]:
        while True:
            yield await self._ws.recv()

    async def end(self) -> None:
        self._ws.transport.abort()
        # Before version 13, this task waits while its queue is full, also after the end of the connection.
        reading = getattr(self._ws, "transfer_data_task", None)
        if reading is not None:
            reading.cancel()
        await self._ws.wait_closed()
        # Before version 13, the last task of the socket ends a little later.
        last = getattr(self._ws, "close_connection_task", None)
        if last is not None:
            await asyncio.wait((last,))


class WebsocketsOpener:
    """Opens sockets of the package `websockets`, version 10 or newer."""

    def __init__(self, *, sends_token: bool = True) -> None:
        self.sends_token = sends_token

    async def __call__(self, url: str, token: str | None, timeout: float) -> Socket:
        try:
            from websockets.asyncio.client import connect
        except ImportError:  # Before version 13.
            from websockets.client import connect  # type: ignore[no-redef, attr-defined]

            headers = "extra_headers"
        else:
            headers = "additional_headers"
        authorization = {"Authorization": f"Bearer {token}"} if token is not None and self.sends_token else {}
        options: dict[str, Any] = {
            headers: authorization,
            "subprotocols": [SUBPROTOCOL],
            "open_timeout": timeout,
            # The heartbeats of the service detect a silent connection sooner.
            "ping_interval": None,
            "compression": None,
            "max_size": None,
        }
        return WebsocketsSocket(await connect(url, **options))
