"""The keys that a subscription covers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .errors import RatecacheError
from .protocol import Message, type_of

_LITERAL = re.compile(r"[^*?\[\\]*")


@dataclass(frozen=True)
class Interest:
    """Each key by name, of one of the types, or with one of the prefixes."""

    keys: Sequence[str] = ()
    types: Sequence[str] = ()
    prefixes: Sequence[str] = ()
    _names: frozenset[str] = field(init=False, repr=False)
    _types: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.keys or self.types or self.prefixes):
            raise RatecacheError("argument_invalid", "a subscription requires keys, types or prefixes")
        for given in (self.keys, self.types, self.prefixes):
            if isinstance(given, str):
                raise RatecacheError("argument_invalid", "keys, types and prefixes are lists of strings")
        object.__setattr__(self, "_names", frozenset(self.keys))
        object.__setattr__(self, "_types", frozenset(self.types))

    def covers(self, key: str) -> bool:
        return (
            key in self._names
            or (bool(self._types) and type_of(key) in self._types)
            or any(key.startswith(prefix) for prefix in self.prefixes)
        )

    def members(self) -> Message:
        """Returns the members of the request."""
        named: Iterable[tuple[str, Sequence[str]]] = (
            ("keys", self.keys),
            ("types", self.types),
            ("prefixes", self.prefixes),
        )
        return {name: list(given) for name, given in named if given}


def may_match(event: Message) -> Callable[[str], bool]:
    """Returns a function that is true for every key that an event with a type or glob covers, and perhaps for others.

    Of a glob, it compares the text before the first special character.
    """
    name = event.get("type")
    if name is not None:
        return lambda key: type_of(key) == name
    literal = _LITERAL.match(event.get("pattern", ""))
    prefix = literal.group() if literal else ""
    return lambda key: key.startswith(prefix)
