"""Names of pictures that differ each time one is shown, so that nobody tells pictures apart by their addresses.

A picture has one public name. Whoever saw it twice would know it again: the treated picture of a known answer is shown
with one query only, and never as a query. What is dealt therefore bears the name hidden under a mask that depends on
the occasion; the server takes the mask off, and nobody else can.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from functools import lru_cache

from django.conf import settings

_TAG, _NAME = 14, 22
_LENGTH = (_TAG + _NAME) * 4 // 3


def name_for(public_id: str, occasion: bytes) -> str:
    """Another name of the picture: the same for the same occasion, unlike every other one."""
    name = public_id.encode("ascii")
    if len(name) != _NAME:
        raise ValueError(f"{public_id!r} is no name of a picture.")
    tag_key, pad_key = _derive_keys(settings.SECRET_KEY)
    tag = hashlib.blake2b(name + occasion, key=tag_key, digest_size=_TAG).digest()
    return urlsafe_b64encode(tag + _apply_mask(name, tag, pad_key)).decode("ascii")


def public_id_of(name: str, secret: str | None = None) -> str:
    """The picture's public name, of this server or of one with that secret; what is no masked name stays as it is."""
    if len(name) != _LENGTH:
        return name
    try:
        packed = urlsafe_b64decode(name.encode("ascii"))
        return _apply_mask(packed[_TAG:], packed[:_TAG], _derive_keys(secret or settings.SECRET_KEY)[1]).decode("ascii")
    except (Error, UnicodeError):
        return name


def _apply_mask(name: bytes, tag: bytes, key: bytes) -> bytes:
    pad = hashlib.blake2b(tag, key=key, digest_size=_NAME).digest()
    return bytes(one ^ other for one, other in zip(name, pad, strict=True))


@lru_cache(maxsize=4)
def _derive_keys(secret: str) -> tuple[bytes, bytes]:
    """One for each of the two uses; never the secret itself."""
    digest = hashlib.sha512(f"evalapp.catalog.exposure_names/{secret}".encode()).digest()
    return digest[:32], digest[32:]
