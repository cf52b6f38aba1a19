from __future__ import annotations

import pytest
from django.core.management import call_command

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_the_tables_are_those_that_the_models_describe() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
