"""Deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from .errors import RatecacheError


async def within(futures: Iterable[asyncio.Future[Any]], timeout: float) -> None:
    """Waits until all futures are done or one has failed. It does not cancel them: other callers may share them."""
    waiting = set(futures)
    _, open_ = await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_EXCEPTION)
    failed = next((f for f in waiting if f.done() and f.exception() is not None), None)
    if failed is not None:
        failed.result()
    if open_:
        raise RatecacheError("timeout", f"no answer within {timeout} s")


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels the tasks, and waits until all have ended."""
    waiting = set(tasks)
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting)


def new_future() -> asyncio.Future[Any]:
    """Returns a future whose error may stay unread, because its callers may have left at their deadline."""
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
