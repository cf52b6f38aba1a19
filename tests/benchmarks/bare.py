"""The floor of the vote path: a bare Django view with one INSERT and one SELECT, in the product's own settings."""

from __future__ import annotations

import json
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - once Django is set up
from django.db import connection  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

TABLE = """
CREATE TABLE bench_bare (id bigserial PRIMARY KEY, voter uuid, pair bigint, verdict text, at timestamptz)
"""


@csrf_exempt
def bare(request: HttpRequest) -> JsonResponse:
    """Keep a verdict and read it back."""
    words = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_bare (voter, pair, verdict, at) VALUES (gen_random_uuid(), %s, %s, now()) RETURNING id",
            [words["pair"], words["verdict"]],
        )
        (row,) = cursor.fetchone()
        cursor.execute("SELECT id, pair, verdict FROM bench_bare WHERE id = %s", [row])
        _, pair, verdict = cursor.fetchone()
    return JsonResponse({"pair": pair, "verdict": verdict})


urlpatterns = [path("bare/", bare), path("", include("evalapp.config.urls"))]
settings.ROOT_URLCONF = "tests.benchmarks.bare"
