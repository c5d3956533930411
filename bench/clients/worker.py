"""The process of one way to read in Python: the same as `worker.ts`, with a line of JSON for each job and answer."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Awaitable, Callable
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import ratecache
import redis
import redis.asyncio

#: Reads from memory that are timed together.
BURST = 1000
#: Keys of one request that fills a near cache.
BATCH_KEYS = 1000
#: In seconds.
FILL_TIMEOUT = 60.0
#: Longer than the defaults, because a busy machine delays heartbeats and answers. A read costs the same.
PATIENT = {"max_silence": 60.0, "timeout": 30.0, "connect_timeout": 30.0}

Ports = dict[str, int]
Read = Callable[[str], Any]
Misses = Callable[[], int]


class Way:
    """A way to read: `read` returns the value or a result, or with `awaited` an awaitable; None if the key was not found."""

    def __init__(
        self, read: Read, close: Callable[[], Awaitable[None]], awaited: bool = True, misses: Misses | None = None
    ) -> None:
        self.read, self.close, self.awaited = read, close, awaited
        #: Of the near cache. A way with a near cache never waits for the network.
        self.misses = misses


async def peek(ports: Ports, keys: list[str]) -> Way:
    client = await near_cache(ports, keys)
    return Way(client.peek, client.close, awaited=False, misses=lambda: client.state.near_cache.misses)


async def get(ports: Ports, keys: list[str]) -> Way:
    client = await near_cache(ports, keys)
    return Way(client.get, client.close, misses=lambda: client.state.near_cache.misses)


async def near_cache(ports: Ports, keys: list[str]) -> ratecache.Client:
    options = ratecache.NearCacheOptions(max_entries=len(keys))
    url = f"ws://127.0.0.1:{ports['service']}"
    client = await ratecache.connect(url, near_cache=options, **PATIENT)
    end = perf_counter() + FILL_TIMEOUT
    while True:
        for i in range(0, len(keys), BATCH_KEYS):
            await client.get_many(keys[i : i + BATCH_KEYS])
        missing = sum(client.peek(key) is None for key in keys)
        if missing == 0:
            return client
        if perf_counter() > end:
            raise LookupError(f"the near cache lacks {missing} of {len(keys)} keys after {FILL_TIMEOUT} s")
        await asyncio.sleep(0.01)


async def websocket(ports: Ports, _: list[str]) -> Way:
    client = await ratecache.connect(f"ws://127.0.0.1:{ports['service']}", **PATIENT)

    async def read(key: str) -> Any:
        return (await client.get(key)).value

    return Way(read, client.close)


async def redis_blocking(ports: Ports, _: list[str]) -> Way:
    client = redis.Redis(port=ports["redis"])

    async def close() -> None:
        client.close()

    return Way(lambda key: json.loads(client.get(key)), close, awaited=False)


async def redis_asyncio(ports: Ports, _: list[str]) -> Way:
    client = redis.asyncio.Redis(port=ports["redis"])

    async def read(key: str) -> Any:
        return json.loads(await client.get(key))

    async def close() -> None:
        await client.close()

    return Way(read, close)


WAYS = {
    "near cache, peek": peek,
    "near cache, get": get,
    "client over WebSocket": websocket,
    "redis-py": redis_blocking,
    "redis-py, asyncio": redis_asyncio,
}


async def work(way: Way, parts: list[list[str]], concurrency: int, ms: float) -> dict[str, float]:
    local = way.misses is not None
    burst = math.ceil(BURST / concurrency) if local else 1
    missed = way.misses() if local else 0
    took: list[float] = []
    operations = 0
    started = perf_counter()
    end = started + ms / 1000
    count = len(parts)
    read, awaited = way.read, way.awaited

    async def loop() -> None:
        nonlocal operations
        while True:
            begun = perf_counter()
            if begun >= end:
                return
            first = operations
            operations += burst
            for i in range(first, first + burst):
                kind, name = parts[i % count]
                found = await read(f"{kind}:{name}") if awaited else read(f"{kind}:{name}")
                if found is None:
                    raise LookupError(f"{kind}:{name} was not found")
            took.append((perf_counter() - begun) / burst)
            if local or not awaited:
                await asyncio.sleep(0)

    await asyncio.gather(*(loop() for _ in range(concurrency)))
    if local and way.misses() != missed:
        raise LookupError("the near cache did not answer every read")
    seconds = perf_counter() - started
    p99 = quantiles(took, n=100)[98] if len(took) > 1 else took[0]
    return {"operations": operations, "seconds": seconds, "p50Us": median(took) * 1e6, "p99Us": p99 * 1e6}


async def main() -> None:
    loop = asyncio.get_running_loop()

    async def line() -> Any:
        text = await loop.run_in_executor(None, sys.stdin.readline)
        if text == "":
            sys.exit()
        return json.loads(text)

    stream: list[str] = await line()
    keys = sorted(set(stream))
    parts = [key.split(":", 1) for key in stream]
    way: Way | None = None
    while True:
        job = await line()
        answer: dict[str, float] = {}
        if "open" in job:
            if way is not None:
                await way.close()
            way = await WAYS[sys.argv[1]](job["open"], keys)
        elif way is not None:
            answer = await work(way, parts, job["concurrency"], job["ms"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
