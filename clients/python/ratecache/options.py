"""The options of `connect`, with their defaults. All times are in seconds."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Union

#: The bearer token. A function is called for each connection, so that it may return a new token.
Token = Union[str, Callable[[], Union[str, Awaitable[str]]]]


@dataclass(frozen=True)
class MaxStaleness:
    """A policy: entries that were current at most this long ago, in seconds, may be returned."""

    seconds: float


#: What the near cache may answer while it cannot prove that an entry is current. `strict`: nothing; the service is asked.
#: `available`: while the service cannot answer, every entry that has not expired.
StalePolicy = Union[Literal["strict", "available"], MaxStaleness]


@dataclass(frozen=True)
class NearCacheOptions:
    #: Entries that the near cache stores at most.
    max_entries: int = 10_000
    stale: StalePolicy = "strict"
    #: Keys of one data type that are watched one by one. With more keys the client watches the type.
    keys_per_type: int = 100


@dataclass(frozen=True)
class Options:
    token: Token | None = None
    #: Without it, the client stores nothing.
    near_cache: NearCacheOptions | None = None
    #: The deadline of a call.
    timeout: float = 2.0
    #: How long `connect` waits for the first connection, and each attempt for its token.
    connect_timeout: float = 5.0
    #: The near cache is trusted this long after the time that a heartbeat proves. After this silence of the service, the
    #: client connects again.
    max_silence: float = 1.0
    #: Keys in flight. Further calls fail with `too_many_requests`.
    max_in_flight: int = 10_000
    #: Keys of one request. At most `MAX_BATCH_KEYS` of the service.
    max_batch_keys: int = 500


async def token_of(options: Options) -> str | None:
    """Returns the token for one connection."""
    token = options.token
    if not callable(token):
        return token
    value = token()
    return await value if inspect.isawaitable(value) else value
