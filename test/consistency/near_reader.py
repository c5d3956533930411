"""A program that reads through the near cache of the Python client, with the policy `strict`.

The argument is a JSON object. Each line of the output is one: reads, or the answer to a line of the input. Times are of
`time.monotonic()`, in milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from typing import Any

from ratecache import NearCacheOptions, RatecacheError, connect
from ratecache.client import Client, ClientState

READ_TIMEOUT = 0.5
#: Reads in a row. The pause after them lets events arrive.
READS = 8


def ignore_resets() -> None:
    """A deliberate defect: a reset leaves the entries in the near cache."""
    Client._on_reset = lambda self, reason: self._notify()  # type: ignore[method-assign]


DEFECTS = {"a reset leaves the entries in the near cache": ignore_resets}


class Reader:
    def __init__(self, client: Client, hot: list[str], cold: list[str], seed: int) -> None:
        self._client = client
        self._hot = hot
        self._cold = cold
        self._random = random.Random(seed)
        self._losses = 0
        client.on_state(self._on_state)

    def _on_state(self, state: ClientState) -> None:
        if state.connection == "down":
            self._losses += 1

    async def run(self) -> None:
        # So it can miss a change of any key, also on a busy machine, where it reads little.
        with contextlib.suppress(RatecacheError):
            await self._client.get_many([*self._hot, *self._cold], timeout=30.0)
        while True:
            reads = [read for _ in range(READS) if (read := await self._read()) is not None]
            write({"reads": reads, "losses": self._losses})
            await asyncio.sleep(0.001)

    async def answer(self, command: dict[str, Any]) -> Any:
        if command["do"] == "state":
            return self._client.state.is_trusted
        return (await self._client.get(command["key"], timeout=READ_TIMEOUT)).version

    async def _read(self) -> dict[str, Any] | None:
        key = self._random.choice(self._hot if self._random.random() < 0.4 else self._cold)
        start, losses = time.monotonic() * 1000, self._losses
        try:
            result = await self._client.get(key, timeout=READ_TIMEOUT)
        except RatecacheError:
            return None
        marked = result.code is not None
        if result.status == "miss" and marked:
            return None
        near = result.tier == "near-cache"
        return {
            "key": key,
            "n": 0 if result.value is None else result.value["n"],
            "version": result.version,
            "start": start,
            "end": time.monotonic() * 1000,
            "losses": losses,
            "coherent": result.state == "coherent",
            "marked": marked,
            "near": near,
            "down": near and self._client.state.connection == "down",
        }


def write(line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main() -> None:
    options = json.loads(sys.argv[1])
    if options.get("defect"):
        DEFECTS[options["defect"]]()
    near = NearCacheOptions(max_entries=options["maxEntries"])
    client = await connect(options["addresses"], near_cache=near, connect_timeout=30.0)
    reader = Reader(client, options["hot"], options["cold"], options["seed"])
    stream = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), sys.stdin)
    write({"ready": True})
    reads: asyncio.Task[None] | None = None
    while line := await stream.readline():
        command = json.loads(line)
        if command["do"] == "start":
            reads = asyncio.create_task(reader.run())
        elif command["do"] == "stop" and reads is not None:
            reads.cancel()
            write({"stopped": True})
        else:
            try:
                write({"id": command["id"], "result": await reader.answer(command)})
            except RatecacheError as error:
                write({"id": command["id"], "error": error.code})


asyncio.run(main())
