"""What lets a receiver tell a message from a forgery: our own header, and those of Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

PREFIX = "whsec_"
"""What Standard Webhooks put before a secret; what follows is base64."""


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The headers of one attempt. The time is signed too, against replays.

    `DopeOrNope-Signature: t=TIME,v1=MAC`, MAC the HMAC-SHA256 of `TIME.BODY` with the secret as it is written, in hex;
    `webhook-signature: v1,MAC`, MAC that of `ID.TIME.BODY` with the secret's bytes, in base64
    (https://github.com/standard-webhooks/standard-webhooks).
    """
    ours = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    standard = hmac.digest(_standard_key(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "DopeOrNope-Signature": f"t={timestamp},v1={ours.hex()}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(standard).decode()}",
    }


def _standard_key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        # Made by a version that knew no Standard Webhooks: the text itself is the key.
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
