"""Errors of the client."""

from __future__ import annotations


class RatecacheError(Exception):
    """Every error of the client: a stable code, and a sentence for people.

    The codes of the client are `disconnected`, `timeout`, `closed`, `too_many_requests`, `write_unknown` and
    `argument_invalid`. Errors of the service have the codes of `docs/api/errors.md`.
    """

    def __init__(
        self, code: str, message: str, *, field: str | None = None, retry_after: float | None = None, age: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        #: The invalid member of the request, if the service named one.
        self.field = field
        #: How long to wait before the request is sent again, in seconds, if the service said so.
        self.retry_after = retry_after
        #: For `terms_not_met`: how old the data is, in seconds, if a value was found.
        self.age = age

    def __str__(self) -> str:
        return f"{self.code}: {self.args[0]}"


def is_given_up(error: BaseException | None) -> bool:
    """Whether the client no longer waits for the answer.

    The service may have received the request, and may accept it later.
    """
    return isinstance(error, RatecacheError) and error.code == "timeout"
