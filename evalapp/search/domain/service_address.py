"""Where the search service listens, and how a caller over the network shows that it is ours."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

SIGNATURE_HEADER = "X-Signature"
SECONDS_HEADER = "X-Seconds-Left"
_LONGEST_SOCKET_PATH = 100
_SALT = "evalapp.search.service"


def socket_path() -> Path:
    """The socket in `var/`, or a short name of the same folder where that path is too long for a socket."""
    path = Path(settings.VAR_DIR) / "search.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"dopeornope-search-{name}.sock"


def signature_of(message: bytes) -> str:
    """What only a holder of the installation's secret key can write under a message."""
    return salted_hmac(_SALT, message, algorithm="sha256").hexdigest()


def is_signed(message: bytes, signature: str) -> bool:
    """Whether the signature is that of the message."""
    return constant_time_compare(signature_of(message), signature)
