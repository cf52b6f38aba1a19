"""Where files lie: a folder, or a bucket of an S3-compatible store named by one address."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_FORM = "s3://KEY:SECRET@HOST[:PORT]/BUCKET[?region=REGION&tls=false]"


def default_storage(url: str | None, media: Path) -> dict[str, Any]:
    """The entry of `STORAGES`. Without KEY:SECRET@ they come from where boto3 looks for them."""
    if not url:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": media}}
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"STORAGE_URL is not understood; write {_FORM}.") from None
    bucket, options = parts.path.strip("/"), parse_qs(parts.query)
    if parts.scheme != "s3" or not parts.hostname or not bucket or "/" in bucket or set(options) - {"region", "tls"}:
        raise ImproperlyConfigured(f"STORAGE_URL is not understood; write {_FORM}.")
    scheme = "http" if options.get("tls", ["true"])[0] in {"0", "false", "no", "off"} else "https"
    port = f":{parts.port}" if parts.port else ""
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": f"{scheme}://{parts.hostname}{port}",
            "region_name": options.get("region", ["us-east-1"])[0],
            "access_key": unquote(parts.username) if parts.username else None,
            "secret_key": unquote(parts.password) if parts.password else None,
            "addressing_style": "path",
            "signature_version": "s3v4",
            # Names say what is in a file, so that writing it again does no harm; nothing is public by itself.
            "file_overwrite": True,
            "default_acl": None,
        },
    }


def origin_of(address: str) -> str:
    """The part of an address that a content security policy speaks of."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query:
        raise ImproperlyConfigured(
            f"MEDIA_URL_BASE={address!r} is not an address such as https://pictures.example.org."
        )
    return f"{parts.scheme}://{parts.netloc}"
