"""Subscribes to the keys of the near cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from .connection import Connection
from .errors import RatecacheError, is_given_up
from .near_cache import NearCache
from .options import Options
from .protocol import Message, type_of
from .watches import Watch, Watches

#: A snapshot of a type with many keys takes its time.
_SNAPSHOT_TIMEOUT = 60.0


class Watcher:
    def __init__(
        self,
        connection: Connection,
        options: Options,
        near: NearCache,
        keys_per_type: int,
        is_subscribed: Callable[[str], bool],
    ) -> None:
        self._connection = connection
        self._near = near
        self._watches = Watches(keys_per_type, options.max_batch_keys)
        #: Whether a subscription of the program covers the key.
        self._is_subscribed = is_subscribed
        #: The present plan. An older one must change nothing any more.
        self._plan = 0
        self._is_planning = False
        self.tasks: set[asyncio.Task[Any]] = set()

    def covers(self, key: str) -> bool:
        return self._watches.covers(key) or self._is_subscribed(key)

    def watch(
        self, keys: Sequence[str], timeout: float, on_part: Callable[[Message], None]
    ) -> asyncio.Future[Message]:
        """Reads keys and watches them from now on. The future has the last part of the snapshot."""
        request_id = self._connection.requests.next_id()
        watch = Watch(keys=tuple(keys))
        self._watches.add(request_id, watch)
        future = self._subscribe(request_id, watch, timeout, on_part)

        def on_done(done: asyncio.Future[Message]) -> None:
            if done.cancelled() or done.exception() is not None:
                self._drop(request_id, None if done.cancelled() else done.exception())
            elif request_id not in self._watches:  # A newer plan does not know this watch.
                self._unsubscribe(request_id)
            if self._watches.is_crowded and not self._is_planning and self._connection.is_up:
                self._merge()

        future.add_done_callback(on_done)
        return future

    def watch_all(self, resume: Message | None = None) -> asyncio.Future[Any]:
        """Watches all keys of the near cache on a new connection, or after all subscriptions were ended.

        `resume` is the position at which all entries were current.
        """
        self._watches.clear()
        return self._follow(resume)

    def _merge(self) -> None:
        """Replaces many subscriptions by few."""
        old = self._watches.clear()

        def on_done(_: object) -> None:
            for request_id in old:
                self._unsubscribe(request_id)

        self._follow().add_done_callback(on_done)

    def _follow(self, resume: Message | None = None) -> asyncio.Future[Any]:
        """Makes a new plan. Its requests are made at once."""
        self._plan += 1
        plan = self._plan
        self._is_planning = True
        keys = [key for key in self._near.keys() if not self._is_subscribed(key)]
        renewed = [self._renew(watch, resume) for watch in self._watches.plan(keys)]
        task = asyncio.get_running_loop().create_task(self._settle(plan, renewed))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _settle(self, plan: int, renewed: list[tuple[int, Watch, asyncio.Future[Message]]]) -> None:
        # A refused watch must not wait for the retries of another: its entries would be trusted meanwhile.
        await asyncio.gather(*(self._settle_one(plan, *one) for one in renewed))
        if plan == self._plan:
            self._is_planning = False

    async def _settle_one(
        self, plan: int, request_id: int, watch: Watch, future: asyncio.Future[Message]
    ) -> None:
        try:
            await future
        except RatecacheError as error:
            if plan == self._plan:
                await self._failed(request_id, watch, plan, error)

    def _renew(self, watch: Watch, resume: Message | None) -> tuple[int, Watch, asyncio.Future[Message]]:
        plan = self._plan
        request_id = self._connection.requests.next_id()
        self._watches.add(request_id, watch)
        found: set[str] = set()

        def on_part(answer: Message) -> None:
            if plan != self._plan:
                return
            coherent = "coherence" not in answer
            for item in answer.get("snapshot", ()):
                key = item["key"]
                found.add(key)
                # A watch by type also finds keys that nobody has read.
                if key not in self._near:
                    continue
                if coherent and "code" not in item and item["ttl"] > 0:
                    self._near.store(key, item)
                elif coherent:
                    self._near.delete(key)
            if answer.get("more") is not True:
                self._settle_missing(watch, found, answer.get("resumed") is True)

        future = self._subscribe(request_id, watch, _SNAPSHOT_TIMEOUT, on_part, resume)
        return request_id, watch, future

    def _settle_missing(self, watch: Watch, found: set[str], resumed: bool) -> None:
        """A full snapshot has no keys that were deleted. One after a resume has no keys that did not change."""
        covered = watch.keys if watch.type is None else [k for k in self._near.keys() if watch.covers(k)]
        for key in covered:
            if key in found:
                continue
            if resumed:
                self._near.confirm(key)
            else:
                self._near.delete(key)

    async def _failed(self, request_id: int, watch: Watch, plan: int, error: RatecacheError) -> None:
        """A watch by key is made again when the key is read. A watch by type is repeated, unless the service refuses it."""
        self._drop(request_id, error)
        # The next connection makes a new plan.
        if error.code in ("disconnected", "closed") or watch.type is None:
            return
        if error.retry_after is None:
            self._watches.refuse(watch.type)
        else:
            await asyncio.sleep(error.retry_after)
            if plan == self._plan and self._connection.is_up:
                await self._settle_one(plan, *self._renew(watch, None))

    def _drop(self, request_id: int, error: BaseException | None) -> None:
        """Ends a watch that failed. Its entries would miss changes. `error` is None if its caller was cancelled."""
        if is_given_up(error):
            self._unsubscribe(request_id)
        watch = self._watches.remove(request_id)
        if watch is None:
            return
        if watch.type is None:
            for key in watch.keys:
                self._near.delete(key)
        else:
            name = watch.type
            self._near.delete_where(lambda key: type_of(key) == name and not self.covers(key))

    def _unsubscribe(self, request_id: int) -> None:
        # If the connection was lost, the service has ended the subscription.
        if self._connection.is_up:
            request = {"op": "unsubscribe", "subscription": request_id}
            self._connection.requests.send(request, _SNAPSHOT_TIMEOUT)

    def _subscribe(
        self,
        request_id: int,
        watch: Watch,
        timeout: float,
        on_part: Callable[[Message], None],
        resume: Message | None = None,
    ) -> asyncio.Future[Message]:
        request: Message = {"op": "subscribe", **watch.members(), "values": True}
        if resume is not None:
            request["resume"] = resume
        return self._connection.requests.send(request, timeout, request_id=request_id, on_part=on_part)
