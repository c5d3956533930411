"""The URLs of the service."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from .errors import RatecacheError

_PATH = "/v1/ws"


def addresses_of(given: str | Sequence[str]) -> list[str]:
    """Returns the addresses; a URL without a path gets the path of the endpoint."""
    addresses = [_address_of(text) for text in ([given] if isinstance(given, str) else given)]
    if not addresses:
        raise RatecacheError("argument_invalid", "expected at least one address")
    return addresses


def _address_of(text: str) -> str:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        url = urlsplit("")
    if url.scheme not in ("ws", "wss") or not url.hostname:
        raise RatecacheError("argument_invalid", f"expected an address such as ws://host:8000, not {text!r}")
    if url.username is not None or url.password is not None:
        raise RatecacheError(
            "argument_invalid", "pass credentials as the option token: an address appears in logs"
        )
    return urlunsplit(url._replace(path=_PATH)) if url.path in ("", "/") else text
