"""Asks a web process of its own for every page and sends every form: `python -m tests.architecture.walk_pages`.

Prints one JSON document: the modules that were loaded by then, and the addresses that answered with an error of ours.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterator
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "evalapp.config.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

from evalapp.config.wsgi import application

SLUG = "match"
_ANYTHING = {"int": 1, "uuid": uuid.UUID(int=1), "slug": SLUG, "str": "x", "path": "x"}
_FORMS: dict[str, dict[str, Any]] = {
    "lab-study-new": {"title": "New", "slug": "new", "question": "Alike?", "catalogue": SLUG, "top_k": 5}
    | {"contenders": ["net.fc6:l2"], "exclude": "none", "mode": "swipe", "gold_share": 0.05, "repeat_share": 0.02}
    | {"board": "private", "seed": 1, "queries": 5},
    "export-add": {"study": SLUG, "format": "csv"},
    "lab-map-new": {"catalogue": SLUG, "embedding": "net.fc6", "items": 12},
    "webhook-add": {"url": "https://example.org/hook", "events": ["study.closed"]},
    "lab-training": {"study": SLUG, "recipe": "calibrate", "name": "learnt", "sources": "net.fc6"},
    "api-exports": {"study": SLUG, "format": "parquet"},
    "api-training-runs": {"study": SLUG, "recipe": "calibrate", "name": "again", "sources": ["net.fc6"]},
    "api-deck": {"n": 3},
    "language": {"language": "de", "next": "/"},
}
"""What is sent to the forms whose words matter; the others are sent empty."""


def walk() -> Iterator[tuple[str, str]]:
    """The name and an address of everything that can be asked for."""
    from django.urls import get_resolver

    def of(patterns: Any, prefix: str) -> Iterator[tuple[str, str]]:
        for pattern in patterns:
            text = prefix + _filled(pattern)
            if hasattr(pattern, "url_patterns"):
                yield from of(pattern.url_patterns, text)
            else:
                yield pattern.name or "", text

    for name, address in of(get_resolver().url_patterns, "/"):
        # Signing out would end the walk.
        if "logout" not in address and "(?P" not in address:
            yield name, address


def _filled(pattern: Any) -> str:
    text = str(pattern.pattern)
    for name, converter in getattr(pattern.pattern, "converters", {}).items():
        kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
        text = text.replace(f"<{kind}:{name}>", str(_ANYTHING[kind])).replace(f"<{name}>", str(_ANYTHING["str"]))
    return text.removeprefix("^").removesuffix("$")


def main() -> None:
    """Over a small installation that has been voted on."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client

    from evalapp.core.services.static_files import collect_if_changed

    call_command("migrate", verbosity=0)
    collect_if_changed()
    _something_to_look_at()
    operator = get_user_model().objects.create_superuser("ada", password="a good one")
    client = Client(raise_request_exception=False, headers={"host": "localhost"})
    client.force_login(operator)
    failed, asked = [], 0
    for name, address in list(walk()):
        for method in ("get", "post"):
            body: dict[str, Any] = _FORMS.get(name, {}) if method == "post" else {}
            as_json = {"content_type": "application/json"} if method == "post" and address.startswith("/api/") else {}
            answer = getattr(client, method)(address, body, **as_json)
            asked += 1
            # Streams are read to their end, as a browser would.
            b"".join(answer) if answer.streaming else answer.content
            if answer.status_code >= 500 and answer.status_code != 503:
                failed.append(f"{method} {address}: {answer.status_code}")
    print(json.dumps({"modules": sorted(sys.modules), "failed": failed, "asked": asked, "web": bool(application)}))


def _something_to_look_at() -> None:
    """Rows as workers would have left them; no worker's library is loaded for them."""
    from evalapp.catalog.models import Catalogue
    from evalapp.leaderboard.services import take_snapshot
    from tests.leaderboard.crowds import voted_study
    from tests.training.samples import learnt_turn

    study = voted_study(slug=SLUG)
    # By the name that every address has: of the catalogue as of the study.
    Catalogue.objects.update(slug=SLUG)
    take_snapshot(study)
    learnt_turn(study)
    _give_models_a_spec()


def _give_models_a_spec() -> None:
    from evalapp.contenders.models import EmbeddingModel
    from models_registry.registry import describe

    real = describe("colour-histogram").to_json()
    for model in EmbeddingModel.objects.all():
        model.spec = {**real, "taps": model.spec.get("taps") or real["taps"]}
        model.save()


if __name__ == "__main__":
    main()
