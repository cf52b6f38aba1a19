"""Addresses of pages: as other people can open them, and as a form says where to go back to."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from evalapp.core.services.network_addresses import LinkToSend, link_to_send


def link_for_others(request: HttpRequest, path: str) -> LinkToSend:
    """The page at `path` of this server, to be sent by the operator who asks."""
    return link_to_send(request.build_absolute_uri(path), settings.ALLOWED_HOSTS)


def way_back(request: HttpRequest) -> str:
    """The path of this server that the form names as `next`; empty where it names none.

    Nothing but a path: `redirect` would take a word without a slash for the name of a view.
    """
    next_path = request.POST.get("next", "")
    is_own = url_has_allowed_host_and_scheme(next_path, None, require_https=request.is_secure())
    return next_path if is_own and next_path.startswith("/") else ""
