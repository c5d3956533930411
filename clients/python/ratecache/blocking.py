"""The client for programs without asyncio. An event loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from .changes import Change, Changes
from .client import Client, ClientState, SubscriptionHandle, Written, connect
from .errors import RatecacheError
from .result import Result

T = TypeVar("T")


class _LoopThread:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_stopped = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ratecache", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._is_stopped:
                work.close()
                raise RatecacheError("closed", "the client was closed")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[[], T]) -> T:
        async def work() -> T:
            return function()

        return self.run(work())

    def stop(self) -> None:
        """Ends the thread after the calls that are open. The client is closed, so none of them waits for the service."""
        with self._lock:
            self._is_stopped = True
        asyncio.run_coroutine_threadsafe(_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others)


class BlockingChanges:
    """Changes as an iterator, which waits for the next one."""

    def __init__(self, thread: _LoopThread, changes: Changes) -> None:
        self._loop_thread = thread
        self._changes = changes

    def __iter__(self) -> BlockingChanges:
        return self

    def __next__(self) -> Change:
        try:
            return self._loop_thread.run(self._changes.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        self._loop_thread.call(self._changes.close)

    def __enter__(self) -> BlockingChanges:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BlockingClient:
    """Made by `connect_blocking`. Its calls are those of `Client`, and may come from any thread.

    A hit of the near cache does not wait for the thread of the event loop.
    """

    def __init__(self, thread: _LoopThread, client: Client) -> None:
        self._loop_thread = thread
        self._client = client
        self._is_closed = False

    def get(self, key: str, *, timeout: float | None = None, **terms: Any) -> Result:
        """The terms are those of `Client.get`."""
        near = None if terms else self._client.peek_for_read(key)
        return near if near is not None else self._loop_thread.run(self._client.get(key, timeout=timeout, **terms))

    def get_many(self, keys: Iterable[str], *, timeout: float | None = None, **terms: Any) -> list[Result]:
        keys = list(keys)
        if terms:
            return self._loop_thread.run(self._client.get_many(keys, timeout=timeout, **terms))
        results: list[Result] = []
        for key in keys:
            near = self._client.peek_for_read(key)
            if near is None:
                return self._loop_thread.run(self._client.get_many(keys, timeout=timeout))
            results.append(near)
        return results

    def peek(self, key: str) -> Result | None:
        return self._client.peek(key)

    def set(
        self,
        key: str,
        value: Any,
        *,
        ttl: float | None = None,
        if_version: str | None = None,
        if_absent: bool = False,
        if_exists: bool = False,
        idempotency_key: str | None = None,
        as_of: float | None = None,
        source: str | None = None,
        suspect: bool = False,
        if_newer: bool = False,
        timeout: float | None = None,
    ) -> Written:
        return self._loop_thread.run(
            self._client.set(
                key,
                value,
                ttl=ttl,
                if_version=if_version,
                if_absent=if_absent,
                if_exists=if_exists,
                idempotency_key=idempotency_key,
                as_of=as_of,
                source=source,
                suspect=suspect,
                if_newer=if_newer,
                timeout=timeout,
            )
        )

    def delete(
        self,
        key: str,
        *,
        if_version: str | None = None,
        if_exists: bool = False,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Written:
        return self._loop_thread.run(
            self._client.delete(
                key,
                if_version=if_version,
                if_exists=if_exists,
                idempotency_key=idempotency_key,
                timeout=timeout,
            )
        )

    def subscribe(
        self,
        on_change: Callable[[Change], None],
        *,
        keys: Sequence[str] = (),
        types: Sequence[str] = (),
        prefixes: Sequence[str] = (),
        initial: bool = False,
        interval: float | None = None,
        timeout: float | None = None,
    ) -> SubscriptionHandle:
        """The handler runs in the thread of the event loop. It must not wait, and must not call this client."""
        handle = self._loop_thread.run(
            self._client.subscribe(
                on_change,
                keys=keys,
                types=types,
                prefixes=prefixes,
                initial=initial,
                interval=interval,
                timeout=timeout,
            )
        )
        return SubscriptionHandle(lambda: self._loop_thread.call(handle.close))

    def changes(
        self,
        *,
        keys: Sequence[str] = (),
        types: Sequence[str] = (),
        prefixes: Sequence[str] = (),
        initial: bool = False,
        interval: float | None = None,
    ) -> BlockingChanges:
        changes = self._loop_thread.call(
            lambda: self._client.changes(
                keys=keys, types=types, prefixes=prefixes, initial=initial, interval=interval
            )
        )
        return BlockingChanges(self._loop_thread, changes)

    @property
    def state(self) -> ClientState:
        return self._client.state

    def on_state(self, listener: Callable[[ClientState], None]) -> Callable[[], None]:
        """The listener runs in the thread of the event loop."""
        end = self._loop_thread.call(lambda: self._client.on_state(listener))
        return lambda: self._loop_thread.call(end)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._loop_thread.run(self._client.close())
        self._loop_thread.stop()

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect_blocking(addresses: str | Sequence[str], **options: Any) -> BlockingClient:
    """Connects as `connect` does, with the same options, and waits for the connection."""
    thread = _LoopThread()
    try:
        return BlockingClient(thread, thread.run(connect(addresses, **options)))
    except BaseException:
        thread.stop()
        raise
