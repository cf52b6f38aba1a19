"""Studies inside other pages, where the study names the origins that may show it."""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF
from django.http import HttpRequest, HttpResponse

from evalapp.studies.models import Study


def let_be_framed(request: HttpRequest, response: HttpResponse, study: Study) -> bool:
    """Say in the headers who may show this page in a frame; returns whether it is shown in one now."""
    hosts = [str(host) for host in study.embed_hosts]
    policy: Any = response
    policy._csp_replace = {"frame-ancestors": [SELF, *hosts] if hosts else [NONE]}  # noqa: SLF001 - as its decorators do
    # The older header knows no list of origins, and would forbid what the policy allows.
    policy.xframe_options_exempt = bool(hosts)
    return bool(hosts) and request.headers.get("Sec-Fetch-Dest") == "iframe"
