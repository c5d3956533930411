"""The asyncio client, with the near cache."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal, TypeVar

from .addresses import addresses_of
from .changes import Change, Changes
from .connection import Connection
from .errors import RatecacheError
from .interest import Interest, may_match
from .near_cache import NearCache
from .options import NearCacheOptions, Options, Token
from .protocol import Item, Message, age_at
from .reads import Reads, is_storable
from .result import Result
from .socket import Opener, WebsocketsOpener
from .subscription import Subscription
from .terms import terms_of
from .wait import cancelled, within
from .watcher import Watcher

T = TypeVar("T")


@dataclass(frozen=True)
class Written:
    key: str
    #: `accepted` and `unknown`: the write is pending until Redis is reachable. Do not repeat it.
    status: str
    #: The version of the written value; None for a deletion.
    version: str | None
    #: The age of the data in seconds, as in a result; None for a deletion.
    age: float | None
    state: str
    #: Why the write is probably not what was meant.
    warning: str | None
    tier: str = "service"


@dataclass(frozen=True)
class NearCacheState:
    entries: int
    hits: int
    misses: int


@dataclass(frozen=True)
class ClientState:
    #: `up`, `down` or `closed`.
    connection: str
    #: The address in use, or of the next attempt.
    address: str
    #: `coherent`, `degraded`, `blind` or `off`.
    coherence: str
    #: Whether entries of the near cache are served without a mark now.
    is_trusted: bool
    #: Why the connection was lost, or why the last attempt failed.
    last_error: Exception | None
    in_flight: int
    near_cache: NearCacheState | None


class SubscriptionHandle:
    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def close(self) -> None:
        self._close()


async def connect(
    addresses: str | Sequence[str],
    *,
    token: Token | None = None,
    near_cache: NearCacheOptions | None = None,
    timeout: float = 2.0,
    connect_timeout: float = 5.0,
    max_silence: float = 1.0,
    max_in_flight: int = 10_000,
    max_batch_keys: int = 500,
) -> Client:
    """Connects to the service. The options are described in `Options`.

    `addresses` is one or several, such as `ws://host:8000`. The client uses the next one when a connection is lost.
    Raises `RatecacheError` with `disconnected` if no address answers in time, and with `argument_invalid`.
    """
    options = Options(
        token, near_cache, timeout, connect_timeout, max_silence, max_in_flight, max_batch_keys
    )
    return await connect_with(addresses, options, WebsocketsOpener())


async def connect_with(addresses: str | Sequence[str], options: Options, opener: Opener) -> Client:
    client = Client(addresses_of(addresses), options, opener)
    await client._connect()
    return client


class Client:
    """Made by `connect`. All calls belong to the event loop in which it was made; `peek` may be called from any thread."""

    def __init__(self, addresses: Sequence[str], options: Options, opener: Opener) -> None:
        self._options = options
        self._connection = Connection(addresses, options, opener, self)
        self._near: NearCache | None = None
        self._watcher: Watcher | None = None
        near_cache = options.near_cache
        if near_cache is not None:
            self._near = NearCache(near_cache, self._connection.trust)
            self._watcher = Watcher(
                self._connection, options, self._near, near_cache.keys_per_type, self._is_subscribed
            )
        self._reads = Reads(self._connection, options, self._near, self._watcher)
        self._subscriptions: dict[Subscription, None] = {}
        self._iterators: set[Changes] = set()
        self._listeners: dict[Callable[[ClientState], None], None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: Counts recoveries: an older one must change nothing any more.
        self._recovery = 0
        #: Whether the latest recovery is complete: all entries of the near cache are current.
        self._is_complete = False
        #: Where a new connection may resume.
        self._resume: Message | None = None
        self._first_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: As the listeners know it.
        self._coherence: str | None = None

    async def _connect(self) -> None:
        timeout = self._options.connect_timeout
        self._connection.start()
        try:
            await within((self._first_up,), timeout)
        except RatecacheError:
            await self.close()
            cause = self._connection.last_error
            why = "the service did not answer" if cause is None else cause.args[0]
            raise RatecacheError("disconnected", f"no connection within {timeout} s: {why}") from cause
        except BaseException:
            await self.close()
            raise

    async def get(
        self,
        key: str,
        *,
        timeout: float | None = None,
        max_age: float | None = None,
        min_fresh: float | None = None,
        no_cache: bool = False,
        only_if_cached: bool = False,
        halted: Literal["serve"] | None = None,
        fallback: Literal["min_rate"] | None = None,
    ) -> Result:
        """Reads one key: from the near cache if it has a current value, else from the service.

        All reads of one turn of the event loop are one request, and readers of the same key share it.
        Raises `RatecacheError` if the service did not answer, or cannot return the value.

        The other arguments are terms. If no value meets them, it raises `RatecacheError` with `terms_not_met`. The data may
        be at most `max_age` seconds old, and the value must stay valid for `min_fresh` seconds. `no_cache`: the service
        asks Redis now. `only_if_cached`: only the near cache and L1 of the service are asked.

        With `halted="serve"`, values of halted keys are returned too. With `fallback="min_rate"`, the minimum rate of the
        ticker may take the place of a borrow rate; the service decides when.
        """
        terms = terms_of(max_age, min_fresh, no_cache, only_if_cached, halted, fallback)
        if terms is not None:
            [result] = await self._on_terms([key], terms, timeout)
            return _value_or_error(result)
        near = self.peek_for_read(key)
        if near is not None:
            return near
        timeout = self._options.timeout if timeout is None else timeout
        future = self._join(key, timeout)
        await within((future,), timeout)
        return _value_or_error(future.result())

    async def get_many(
        self,
        keys: Iterable[str],
        *,
        timeout: float | None = None,
        max_age: float | None = None,
        min_fresh: float | None = None,
        no_cache: bool = False,
        only_if_cached: bool = False,
        halted: Literal["serve"] | None = None,
        fallback: Literal["min_rate"] | None = None,
    ) -> list[Result]:
        """Like `get`, for many keys, in their order. A value that cannot be returned is a result with the status `error`."""
        terms = terms_of(max_age, min_fresh, no_cache, only_if_cached, halted, fallback)
        if terms is not None:
            return await self._on_terms(list(keys), terms, timeout)
        timeout = self._options.timeout if timeout is None else timeout
        results = [self.peek_for_read(key) or self._join(key, timeout) for key in keys]
        open_ = {result for result in results if isinstance(result, asyncio.Future)}
        if open_:
            await within(open_, timeout)
        return [result.result() if isinstance(result, asyncio.Future) else result for result in results]

    def peek(self, key: str) -> Result | None:
        """Returns what the near cache knows of the key, without a request; None if it has no current entry."""
        return None if self._near is None else self._near.peek(key)

    def peek_for_read(self, key: str) -> Result | None:
        """Returns what the near cache may answer to a `get`. With `available`, the service is asked while it can be."""
        if self._near is None:
            return None
        result = self._near.peek(key)
        if result is None or result.state != "stale":
            return result
        asks = self._near.stale == "available" and self._connection.is_up
        return None if asks else result

    async def set(
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
        """Writes a value. `ttl` is in seconds; without it, the value has the TTL of its data type.

        If its connection is lost, the write is repeated with the same idempotency key, so it is made once. A program may
        pass `idempotency_key` to repeat a write itself.

        `as_of` says when the data is from, in seconds since 1970, and `source` who supplied it. With `if_newer`, the write
        is refused if the data of the stored value is from a later time. With `suspect`, readers receive it as suspect.

        Raises `RatecacheError` with `precondition_failed` if the condition does not hold, and with `write_unknown` if the
        request was sent and no answer arrived before the deadline. A cancelled call may have been made too.
        """
        request: Message = {"op": "set", "key": key, "value": value}
        if ttl is not None:
            request["ttl"] = ttl
        if as_of is not None:
            request["asOf"] = round(as_of * 1000)
        if source is not None:
            request["source"] = source
        if suspect:
            request["suspect"] = True
        if if_newer:
            request["ifNewer"] = True
        return await self._write(request, if_version, if_absent, if_exists, idempotency_key, timeout, as_of)

    async def delete(
        self,
        key: str,
        *,
        if_version: str | None = None,
        if_exists: bool = False,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Written:
        """Deletes a value. It raises as `set` does."""
        request: Message = {"op": "delete", "key": key}
        return await self._write(request, if_version, False, if_exists, idempotency_key, timeout)

    async def subscribe(
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
        """Calls the handler for every change; after a reconnect, also for what changed in between.

        `initial`: the handler first receives the present values. `interval`: it receives at most one state of a key in this
        time, in seconds. Returns when the subscription is in force.
        """
        subscription = self._subscription(Interest(keys, types, prefixes), on_change, initial, interval)
        try:
            await within((subscription.start(),), self._options.timeout if timeout is None else timeout)
        except BaseException:
            self._end(subscription)
            raise
        return SubscriptionHandle(lambda: self._end(subscription))

    def changes(
        self,
        *,
        keys: Sequence[str] = (),
        types: Sequence[str] = (),
        prefixes: Sequence[str] = (),
        initial: bool = False,
        interval: float | None = None,
    ) -> Changes:
        """The same as an iterator. While the program is slow, only the newest change of each key waits."""

        def on_close() -> None:
            self._iterators.discard(changes)
            self._end(subscription)

        changes = Changes(on_close)
        subscription = self._subscription(Interest(keys, types, prefixes), changes.push, initial, interval)
        self._iterators.add(changes)

        def on_done(done: asyncio.Future[Message]) -> None:
            error = None if done.cancelled() else done.exception()
            if error is not None:
                on_close()
                changes.end(error)

        if self._connection.is_closed:
            changes.end(_closed())
        else:
            subscription.start().add_done_callback(on_done)
        return changes

    @property
    def state(self) -> ClientState:
        connection, near = self._connection, self._near
        return ClientState(
            connection="closed" if connection.is_closed else "up" if connection.is_up else "down",
            address=connection.address,
            coherence=connection.trust.coherence if connection.is_up else "blind",
            is_trusted=monotonic() < connection.trust.until,
            last_error=connection.last_error,
            in_flight=len(connection.requests) + len(self._reads.flights),
            near_cache=None if near is None else NearCacheState(len(near), near.hits, near.misses),
        )

    def on_state(self, listener: Callable[[ClientState], None]) -> Callable[[], None]:
        """Calls the listener whenever the connection or the coherence changes. Returns a function that ends it."""
        self._listeners[listener] = None
        return lambda: self._listeners.pop(listener, None)

    async def close(self) -> None:
        """Ends the connection. Open calls fail with `closed`."""
        if self._connection.is_closed:
            return
        self._connection.is_closed = True
        self._reads.flights.close("closed", "the client was closed")
        await self._connection.close()
        await cancelled(self._tasks if self._watcher is None else self._tasks | self._watcher.tasks)
        for subscription in self._subscriptions:
            subscription.close()
        for changes in self._iterators:
            changes.end()
        self._notify()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # What the connection reports.

    def on_up(self) -> None:
        self._recover(self._resume)
        if not self._first_up.done():
            self._first_up.set_result(None)
        # After the requests that wait for this connection.
        asyncio.get_running_loop().call_soon(self._reads.flights.flush)
        self._notify()

    def on_down(self) -> None:
        self._resume = self._connection.trust.position if self._is_complete else None
        self._distrust()
        self._notify()

    def on_event(self, event: Message) -> None:
        name = event["event"]
        if name == "update":
            self._on_update(event)
        elif name == "invalidate":
            self._on_invalidate(event)
        elif name == "reset":
            self._on_reset(event["reason"])
        elif name == "heartbeat" and self._coherence != self._connection.trust.coherence:
            self._coherence = self._connection.trust.coherence
            self._notify()

    def _on_update(self, event: Message) -> None:
        key = event["key"]
        near, flights = self._near, self._reads.flights
        flights.overtake(key)
        if near is not None and self._watcher is not None:
            # A watch by type also reports keys that nobody reads.
            is_read = key in near or key in flights or self._is_subscribed(key)
            is_current = event["ttl"] > 0 and "code" not in event
            if is_read and is_current and self._watcher.covers(key):
                near.store(key, event)
            else:
                near.delete(key)
        for subscription in list(self._subscriptions):
            if subscription.covers(key):
                subscription.on_update(event)

    def _on_invalidate(self, event: Message) -> None:
        key = event.get("key")
        if key is None:
            return self._on_invalidate_where(may_match(event), event["reason"])
        self._reads.flights.overtake(key)
        if self._near is not None:
            self._near.delete(key)
        for subscription in list(self._subscriptions):
            if subscription.covers(key):
                subscription.on_invalidate(key, event)
        return None

    def _on_invalidate_where(self, matches: Callable[[str], bool], reason: str) -> None:
        self._reads.flights.overtake_where(matches)
        if self._near is not None:
            self._near.delete_where(matches)
        for subscription in list(self._subscriptions):
            subscription.on_invalidate_where(matches, reason)

    def _on_reset(self, reason: str) -> None:
        if reason == "flush":
            self._on_invalidate_where(lambda _: True, reason)
        else:
            self._distrust()
            if reason == "rearmed":
                self._connection.requests.send({"op": "unsubscribe"}, self._options.timeout)
                self._recover()
        self._notify()

    def _distrust(self) -> None:
        self._recovery += 1
        self._is_complete = False
        if self._near is not None:
            self._near.distrust_all()
        self._reads.flights.overtake_where(lambda _: True)

    def _recover(self, resume: Message | None = None) -> None:
        """Subscribes to everything again. Entries that no snapshot confirms are dropped."""
        self._recovery += 1
        recovery = self._recovery
        renewed: list[asyncio.Future[Any]] = [s.restart(resume) for s in list(self._subscriptions)]
        if self._watcher is not None:
            renewed.append(self._watcher.watch_all(resume))

        async def settle() -> None:
            if renewed:
                await asyncio.wait(renewed)
            if recovery == self._recovery:
                self._is_complete = True
                if self._near is not None:
                    self._near.drop_stale()

        task = asyncio.get_running_loop().create_task(settle())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What subscriptions report.

    def on_item(self, subscription: Subscription, item: Item, answer: Message) -> None:
        near = self._near
        if near is None or not subscription.is_prompt:
            return
        status = "error" if item.get("version") is None else "hit"
        if is_storable({**item, "status": status}, answer.get("coherence")):
            near.store(item["key"], item)
        else:
            near.delete(item["key"])

    def on_complete(self, subscription: Subscription, found: Set[str], resumed: bool) -> None:
        """Entries that did not change while there was no connection are still current. Other keys have no value."""
        near = self._near
        if near is None or not subscription.is_prompt:
            return
        settle = near.confirm if resumed else near.delete
        for key in near.keys():
            if subscription.covers(key) and key not in found:
                settle(key)

    def on_refused(self, subscription: Subscription) -> None:
        """Answers to earlier reads may be older than changes that the service did not report."""
        self._reads.flights.overtake_where(subscription.covers)
        self._drop_uncovered(subscription)

    def _subscription(
        self, interest: Interest, on_change: Callable[[Change], None], initial: bool, interval: float | None
    ) -> Subscription:
        def report(change: Change) -> None:
            self._call(on_change, change)

        subscription = Subscription(
            self._connection, interest, report, self, initial=initial, interval=interval
        )
        if not self._connection.is_closed:
            self._subscriptions[subscription] = None
        return subscription

    def _end(self, subscription: Subscription) -> None:
        subscription.close()
        self._subscriptions.pop(subscription, None)
        self._drop_uncovered(subscription)

    def _drop_uncovered(self, subscription: Subscription) -> None:
        """Drops the entries that only this subscription covered."""
        near, watcher = self._near, self._watcher
        if near is not None and watcher is not None:
            near.delete_where(lambda key: subscription.covers(key) and not watcher.covers(key))

    def _is_subscribed(self, key: str) -> bool:
        return any(s.is_prompt and s.covers(key) for s in self._subscriptions)

    async def _on_terms(self, keys: Sequence[str], terms: Message, timeout: float | None) -> list[Result]:
        if self._connection.is_closed:
            raise _closed()
        return await self._reads.on_terms(keys, terms, self._options.timeout if timeout is None else timeout)

    def _join(self, key: str, timeout: float) -> asyncio.Future[Result]:
        if self._connection.is_closed:
            raise _closed()
        return self._reads.flights.join(key, timeout)

    async def _write(
        self,
        request: Message,
        if_version: str | None,
        if_absent: bool,
        if_exists: bool,
        idempotency_key: str | None,
        timeout: float | None,
        as_of: float | None = None,
    ) -> Written:
        if self._connection.is_closed:
            raise _closed()
        if if_version is not None:
            request["ifVersion"] = if_version
        if if_absent:
            request["ifAbsent"] = True
        if if_exists:
            request["ifExists"] = True
        key = request["key"]
        trust = self._connection.trust
        version: str | None = None
        try:
            timeout = self._options.timeout if timeout is None else timeout
            answer = await self._send_write(request, idempotency_key, timeout)
            version = answer.get("version")
            return Written(
                key=key,
                status=answer["status"],
                version=version,
                age=None if version is None else age_at(version, as_of, trust.time_at(monotonic())),
                state=answer.get("coherence") or ("off" if trust.coherence == "off" else "coherent"),
                warning=answer.get("warning"),
            )
        finally:
            # A read that begins from now on must see this write.
            self._reads.flights.overtake(key)
            if self._near is not None and (version is None or self._near.version_of(key) != version):
                self._near.delete(key)

    async def _send_write(self, request: Message, idempotency_key: str | None, timeout: float) -> Message:
        requests = self._connection.requests
        keyed = {**request, "idempotencyKey": idempotency_key or secrets.token_hex(16)}
        try:
            return await requests.send(keyed, timeout, writes=True)
        except RatecacheError as error:
            unsupported = error.code == "frame_invalid" and error.field == "idempotencyKey"
            if not unsupported or idempotency_key is not None:
                raise
        # The service does not know idempotency keys. So this write is not repeated if its connection is lost.
        return await requests.send(request, timeout, writes=True)

    def _notify(self) -> None:
        if not self._listeners:
            return
        state = self.state
        for listener in list(self._listeners):
            self._call(listener, state)

    def _call(self, handler: Callable[[T], None], argument: T) -> None:
        """Calls a handler of the program. Its error must not reach the connection."""
        try:
            handler(argument)
        except Exception as error:
            context = {"message": "a handler of ratecache failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


def _value_or_error(result: Result) -> Result:
    if result.status != "error":
        return result
    code = result.code or "internal"
    detail = result.quality_reason
    if detail is None and result.age is not None:
        detail = f"its data is {result.age:.3f} s old"
    why = code if detail is None else f"{code}: {detail}"
    raise RatecacheError(code, f"{result.key} cannot be returned: {why}", age=result.age)


def _closed() -> RatecacheError:
    return RatecacheError("closed", "the client was closed")
