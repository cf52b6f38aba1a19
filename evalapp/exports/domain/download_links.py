"""Links that whoever holds them may follow, for a while."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from evalapp.core.domain.errors import NotFound

_SALT = "evalapp.exports.link"


def sign_link(export_id: int) -> str:
    """The part of the address that names an export and when the link was made."""
    return TimestampSigner(salt=_SALT).sign(str(export_id))


def read_link(signed: str) -> int:
    """The export's id; raises NotFound for a link that has expired or was never made."""
    lasting: timedelta = settings.EXPORT_LINK_LASTS
    try:
        return int(TimestampSigner(salt=_SALT).unsign(signed, max_age=lasting))
    except SignatureExpired as error:
        raise NotFound("This link has expired; an operator can make a new one.") from error
    except (BadSignature, ValueError) as error:
        raise NotFound("There is no such export.") from error
