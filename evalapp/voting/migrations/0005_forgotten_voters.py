"""Whoever was forgotten says nothing any more: what is still on its way from them is unknown."""

from __future__ import annotations

from importlib import import_module

from django.db import migrations

CAST: str = import_module("evalapp.voting.migrations.0004_cast_in_one_statement").CAST
BEFORE = "WHERE exposure.voter_id = the_voter AND exposure.answered_at IS NULL"
AFTER = "WHERE exposure.voter_id = the_voter AND voter.forgotten_at IS NULL AND exposure.answered_at IS NULL"


class Migration(migrations.Migration):
    dependencies = [("voting", "0004_cast_in_one_statement")]

    operations = [migrations.RunSQL(CAST.replace(BEFORE, AFTER), CAST)]
