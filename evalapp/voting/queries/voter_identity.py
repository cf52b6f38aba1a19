"""Who is voting: a voter is known by one signed cookie and by nothing else.

Where they come from is kept as a salted hash only, for some days, to see many voters of one program; the salt changes
every day, so that hashes of two days cannot be compared.
"""

from __future__ import annotations

import ipaddress
import uuid
from http.cookies import Morsel

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.crypto import salted_hmac

from evalapp.voting.models import Voter

# Python learnt this attribute in 3.14.
Morsel._reserved.setdefault("partitioned", "Partitioned")  # type: ignore[attr-defined]  # noqa: SLF001
Morsel._flags.add("partitioned")  # type: ignore[attr-defined]  # noqa: SLF001

COOKIE = "voter"
_SALT = "evalapp.voting.voter"
_YEAR = 365 * 24 * 60 * 60


def known_voter(request: HttpRequest) -> Voter | None:
    """The voter of the cookie; None without one or when it was not signed by us.

    Not read from the database: the signature says that we made this id. The row may be gone with an older database;
    `serve_deck` makes it again.
    """
    voter_id = _voter_id_of_cookie(request)
    return None if voter_id is None else Voter(pk=voter_id)


def voter_for_request(request: HttpRequest) -> Voter:
    """The voter of the cookie, or a new one; `remember_voter` then gives them the cookie."""
    return known_voter(request) or Voter()


def address_of(request: HttpRequest) -> str:
    """Where the request comes from, as a hash that cannot be compared with another day's.

    Behind proxies the address is the one that the outermost of ours saw; what a client writes itself is not believed.
    """
    salt = f"evalapp.voting.address/{timezone.now():%Y-%m-%d}"
    return salted_hmac(salt, _place_of(_client_address(request)), algorithm="sha256").hexdigest()[:32]


def _client_address(request: HttpRequest) -> str:
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    proxies = settings.TRUSTED_PROXIES
    client_address: str = forwarded[-proxies] if 0 < proxies <= len(forwarded) else request.META.get("REMOTE_ADDR", "")
    return client_address


def _place_of(address: str) -> str:
    """What one household or machine cannot change at will: an IPv4 address, of an IPv6 address the first 64 bits."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def forget_cookie(response: HttpResponseBase) -> None:
    """Take the cookie back."""
    response.delete_cookie(COOKIE, samesite="Lax")


def remember_voter(request: HttpRequest, response: HttpResponseBase, voter: Voter, *, is_framed: bool = False) -> None:
    """Give the visitor the cookie, unless they hold it.

    In a frame of another site only a partitioned cookie that may travel across sites comes back, and over HTTPS only.
    JSON is all that the operations read, so that no form of another site can use it.
    """
    if _voter_id_of_cookie(request) == voter.pk:
        return
    across = is_framed and settings.HTTPS
    response.set_signed_cookie(
        COOKIE,
        voter.pk.hex,
        salt=_SALT,
        max_age=_YEAR,
        httponly=True,
        samesite="None" if across else "Lax",
        secure=settings.HTTPS,
    )
    if across:
        response.cookies[COOKIE]["partitioned"] = True


def _voter_id_of_cookie(request: HttpRequest) -> uuid.UUID | None:
    value = request.get_signed_cookie(COOKIE, default=None, salt=_SALT, max_age=_YEAR)
    try:
        return None if value is None else uuid.UUID(value)
    except ValueError:
        return None
