"""Measures hits of the near cache, without a service: `python3 clients/python/benchmark.py`."""

from __future__ import annotations

import asyncio
import platform
from math import inf
from time import monotonic, perf_counter
from timeit import repeat

from ratecache.client import Client
from ratecache.options import NearCacheOptions, Options
from ratecache.socket import WebsocketsOpener

_READS = 200_000
_ROUNDS = 5


async def measure(entries: int) -> None:
    options = Options(near_cache=NearCacheOptions(max_entries=entries))
    client = Client(["ws://127.0.0.1"], options, WebsocketsOpener())
    near, trust = client._near, client._connection.trust
    assert near is not None
    heartbeat = {"epoch": "e", "offset": 0, "time": 1_763_200_000_000, "coherence": "coherent"}
    trust.on_heartbeat(heartbeat, monotonic())
    trust.until = inf
    keys = [f"borrow_rate:{i}" for i in range(entries)]
    for key in keys:
        near.store(key, {"value": {"rate": 0.25}, "version": "019a86e8cc7800005f0c2a17", "ttl": 3600})
    reads = keys * (_READS // entries)

    def peek_all() -> None:
        peek = client.peek
        for key in reads:
            peek(key)

    async def get_all() -> float:
        get = client.get
        begun = perf_counter()
        for key in reads:
            await get(key)
        return perf_counter() - begun

    peeks = min(repeat(peek_all, number=1, repeat=_ROUNDS))
    gets = min([await get_all() for _ in range(_ROUNDS)])
    assert near.misses == 0 and near.hits == 2 * _ROUNDS * len(reads)
    print(f"{entries} entries: peek {peeks / len(reads) * 1e9:.0f} ns, get {gets / len(reads) * 1e9:.0f} ns")


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, best of {_ROUNDS} rounds of {_READS} reads")
    for count in (1000, 20_000):
        asyncio.run(measure(count))
