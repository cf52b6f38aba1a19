"""Problems that are told to a person: one line that says what happened and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Problem(Exception):
    """Something a person can put right. `code` is stable and documented; the text is for reading."""

    code = "failed"
    status = 400

    def __init__(
        self, message: str, *, code: str | None = None, fields: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.fields = dict(fields or {})


class InvalidInput(Problem):
    """The call has invalid values."""

    code = "invalid"


class NotFound(Problem):
    """There is nothing by that name."""

    code = "not_found"
    status = 404


class Conflict(Problem):
    """The thing is in a state that does not allow this now."""

    code = "conflict"
    status = 409


class Forbidden(Problem):
    """Not for this person."""

    code = "forbidden"
    status = 403


class TooMany(Problem):
    """Slow down: nobody needs as much."""

    code = "too_many_requests"
    status = 429
