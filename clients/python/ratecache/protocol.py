"""The frames of `docs/websocket.md`, as far as the client uses them."""

from __future__ import annotations

from typing import Any

from .errors import RatecacheError

Message = dict[str, Any]
#: One key of an answer to `get`, `mget` or `subscribe`.
Item = dict[str, Any]

SUBPROTOCOL = "ratecache.v1.json"
TYPES = frozenset(("borrow_rate", "volatility", "event_risk", "broker_config", "calculation", "min_rate"))

_MS_DIGITS = 12
_FOREIGN = "0" * 16


def error_of(answer: Message) -> RatecacheError:
    """Returns the error of an answer or item that is not `ok`."""
    code: str = answer.get("code", "internal")
    retry_after_ms = answer.get("retryAfterMs")
    retry_after = None if retry_after_ms is None else retry_after_ms / 1000
    detail: str = answer.get("detail", code)
    return RatecacheError(code, detail, field=answer.get("field"), retry_after=retry_after, age=answer.get("age"))


def age_at(version: str | None, as_of: float | None, time_ms: float) -> float | None:
    """Returns the age of the data in seconds: counted from `as_of`, else from the stamp of the version.

    None without a value, or if another program wrote it.
    """
    if as_of is not None:
        return max(0.0, time_ms / 1000 - as_of)
    if version is None or version.startswith(_FOREIGN):
        return None
    return max(0.0, time_ms - int(version[:_MS_DIGITS], 16)) / 1000


def as_of_in(item: Item) -> float | None:
    """Returns when the data of an item is from, in seconds since 1970."""
    ms = item.get("asOf")
    return None if ms is None else ms / 1000


def type_of(key: str) -> str:
    """Returns the part of a key before the first `:`; `other` for a type that the service does not know."""
    name, colon, _ = key.partition(":")
    return name if colon and name in TYPES else "other"
