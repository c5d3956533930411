"""Drives the Python client for the conformance suite: commands on standard input, answers on standard output.

`clients/conformance/README.md` describes both. Each line is one JSON object.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from typing import Any

from ratecache import Client, MaxStaleness, NearCacheOptions, RatecacheError, Result
from ratecache.client import connect_with
from ratecache.options import Options
from ratecache.socket import WebsocketsOpener

Json = Any


class Runner:
    def __init__(self) -> None:
        self._client: Client | None = None
        self._token: str | None = None
        self._subscriptions: dict[str, Any] = {}

    async def run(self, command: dict[str, Json]) -> Json:
        call = command["do"]
        if call == "connect":
            return await self._connect(command)
        if call == "token":
            self._token = command["token"]
            return None
        client = self._client
        if client is None:  # The connection failed.
            return None
        timeout = seconds(command.get("timeoutMs"))
        interest = command.get("interest", {})
        interval = seconds(command.get("interval"))
        initial = command.get("initial", False)
        condition = {
            "if_version": command.get("ifVersion"),
            "if_exists": command.get("ifExists", False),
            "idempotency_key": command.get("idempotencyKey"),
        }
        if call == "get":
            return shown(await client.get(command["key"], timeout=timeout, **terms_in(command)))
        if call == "getMany":
            many = await client.get_many(command["keys"], timeout=timeout, **terms_in(command))
            return [shown(result) for result in many]
        if call == "peek":
            return shown(client.peek(command["key"]))
        if call == "set":
            written = await client.set(
                command["key"],
                command["value"],
                ttl=command.get("ttl"),
                as_of=seconds(command.get("asOf")),
                source=command.get("source"),
                if_absent=command.get("ifAbsent", False),
                if_newer=command.get("ifNewer", False),
                timeout=timeout,
                **condition,
            )
            return plain(written)
        if call == "delete":
            return plain(await client.delete(command["key"], timeout=timeout, **condition))
        if call == "subscribe":
            name = command["name"]
            self._subscriptions[name] = await client.subscribe(
                lambda change: report(name, change), **interest, initial=initial, interval=interval, timeout=timeout
            )
            return None
        if call == "unsubscribe":
            return self._subscriptions.pop(command["name"]).close()
        if call == "changes":
            async for change in client.changes(**interest, initial=initial, interval=interval):
                report(command["name"], change)
            return None
        if call == "state":
            state = client.state
            return {
                "connection": state.connection,
                "address": state.address,
                "coherence": state.coherence,
                "isTrusted": state.is_trusted,
                "inFlight": state.in_flight,
                "nearCache": plain(state.near_cache),
            }
        if call == "close":
            return await client.close()
        raise ValueError(f"no call is named {call}")

    async def _connect(self, command: dict[str, Json]) -> None:
        self._client = None
        self._token = command.get("token")
        given = command["options"]
        near = given.get("nearCache")
        defaults = Options()
        options = Options(
            token=None if self._token is None else lambda: self._token or "",
            near_cache=None if near is None else near_cache_of(near),
            timeout=seconds(given.get("timeoutMs")) or defaults.timeout,
            connect_timeout=seconds(given.get("connectTimeoutMs")) or defaults.connect_timeout,
            max_silence=seconds(given.get("maxSilenceMs")) or defaults.max_silence,
            max_in_flight=given.get("maxInFlight", defaults.max_in_flight),
            max_batch_keys=given.get("maxBatchKeys", defaults.max_batch_keys),
        )
        opener = WebsocketsOpener(sends_token=command["tokenIn"] == "header")
        self._client = await connect_with(command["addresses"], options, opener)


def near_cache_of(given: dict[str, Json]) -> NearCacheOptions:
    defaults = NearCacheOptions()
    stale = given.get("stale", defaults.stale)
    return NearCacheOptions(
        max_entries=given.get("maxEntries", defaults.max_entries),
        stale=MaxStaleness(stale["maxStalenessMs"] / 1000) if isinstance(stale, dict) else stale,
        keys_per_type=given.get("keysPerType", defaults.keys_per_type),
    )


def terms_in(command: dict[str, Json]) -> dict[str, Json]:
    names = {
        "maxAge": "max_age",
        "minFresh": "min_fresh",
        "noCache": "no_cache",
        "onlyIfCached": "only_if_cached",
        "halted": "halted",
        "fallback": "fallback",
    }
    return {name: command[member] for member, name in names.items() if member in command}


def seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000


def shown(result: Result | None) -> Json:
    if result is None:
        return None
    names = ("key", "status", "version", "source", "quality", "fallback", "code", "state", "tier")
    members = {name: getattr(result, name) for name in names if getattr(result, name) is not None}
    if result.quality_reason is not None:
        members["qualityReason"] = result.quality_reason
    if result.status == "hit":
        members["value"] = result.value
    if result.age is not None:
        members["age"] = result.age * 1000
    if result.as_of is not None:
        members["asOf"] = result.as_of * 1000
    return members


def plain(record: Any) -> Json:
    return None if record is None else dataclasses.asdict(record)


def report(subscription: str, change: Any) -> None:
    data = plain(change)
    data["fromSnapshot"] = data.pop("from_snapshot")
    if data.get("as_of") is not None:
        data["asOf"] = data.pop("as_of") * 1000
    write({"subscription": subscription, "change": data})


def write(line: Json) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main() -> None:
    runner = Runner()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks: set[asyncio.Task[None]] = set()

    async def answer(command: dict[str, Json]) -> None:
        try:
            write({"id": command["id"], "result": await runner.run(command)})
        except RatecacheError as error:
            failed: dict[str, Json] = {"code": error.code, "message": error.args[0]}
            if error.retry_after is not None:
                failed["retryAfterMs"] = round(error.retry_after * 1000)
            write({"id": command["id"], "error": failed})
        except Exception as error:
            write({"id": command["id"], "error": {"code": "runner_failed", "message": repr(error)}})

    while line := await reader.readline():
        task = loop.create_task(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
