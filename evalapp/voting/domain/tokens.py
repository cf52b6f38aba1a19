"""The signed form in which an exposure leaves the server: it tells nothing and cannot be made up."""

from __future__ import annotations

import uuid

from django.core.signing import BadSignature, Signer

_SALT = "evalapp.voting.exposure"


def sign_token(token: uuid.UUID) -> str:
    """What the voter holds for an exposure."""
    return Signer(salt=_SALT).sign(token.hex)


def read_token(signed: str) -> uuid.UUID | None:
    """The exposure's token; None for a forgery, without a look at the database."""
    try:
        return uuid.UUID(Signer(salt=_SALT).unsign(signed))
    except (BadSignature, ValueError):
        return None
