"""What a reader accepts."""

from __future__ import annotations

from typing import Literal

from .protocol import Message
from .result import Result


def terms_of(
    max_age: float | None,
    min_fresh: float | None,
    no_cache: bool,
    only_if_cached: bool,
    halted: Literal["serve"] | None = None,
    fallback: Literal["min_rate"] | None = None,
) -> Message | None:
    """Returns the terms as members of a request; None without any."""
    terms: Message = {}
    if max_age is not None:
        terms["maxAge"] = max_age
    if min_fresh is not None:
        terms["minFresh"] = min_fresh
    if no_cache:
        terms["noCache"] = True
    if only_if_cached:
        terms["onlyIfCached"] = True
    if halted is not None:
        terms["halted"] = halted
    if fallback is not None:
        terms["fallback"] = fallback
    return terms or None


def meets(terms: Message, result: Result, left: float) -> bool:
    """Returns whether a value meets the terms. `left` is how long it stays valid, in seconds."""
    max_age, min_fresh = terms.get("maxAge"), terms.get("minFresh")
    if max_age is not None and (result.age is None or result.age > max_age):
        return False
    return min_fresh is None or left >= min_fresh
