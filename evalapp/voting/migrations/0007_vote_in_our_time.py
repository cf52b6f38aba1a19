"""A vote was cast in our time: nothing else can be read again, exported or shown.

Rows of earlier versions are left as they are: a constraint that refuses them would end the migration.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voting", "0006_lighter_vote_path")]

    operations = [
        AddConstraintNotValid(
            model_name="vote",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    voted_at__gte=datetime(1990, 1, 1, tzinfo=UTC), voted_at__lt=datetime(2200, 1, 1, tzinfo=UTC)
                ),
                name="vote_in_our_time",
            ),
        ),
    ]
