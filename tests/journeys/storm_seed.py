"""`python -m tests.journeys.storm_seed SLUG N`: a fresh database with a study of more than N pairs for everybody."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - once Django is set up

from evalapp.studies.models import Study  # noqa: E402
from evalapp.voting.services.gold_pairs import prepare_golds  # noqa: E402
from tests import cast  # noqa: E402


def main(slug: str, pairs: int) -> None:
    call_command("migrate", verbosity=0)
    study = cast.open_study(slug, queries=max(40, pairs))
    Study.objects.update(gold_share=0.05, repeat_share=0.02)
    study.refresh_from_db()
    prepare_golds(study)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
