"""What can go wrong with a search, each with its stable code."""

from __future__ import annotations

from evalapp.core.domain.errors import Problem


class SearchUnavailable(Problem):
    """No answer from the service, whatever the reason: it is down, not ready, overloaded or too slow."""

    code = "not_ready"
    status = 503


class Overloaded(SearchUnavailable):
    """More is asked than can be answered in time."""

    code = "overloaded"


class TooLarge(Problem):
    """A photo of more bytes or pixels than are taken."""

    code = "too_large"
    status = 413


class NotAPicture(Problem):
    """The bytes are no picture that can be read."""

    code = "not_a_picture"


BY_CODE: dict[str, type[Problem]] = {kind.code: kind for kind in (SearchUnavailable, Overloaded, TooLarge, NotAPicture)}
"""How web finds the problem again that the service met."""
