"""A study's slug can stand in an address.

Rows of earlier versions are left as they are: a constraint that refuses them would end the migration.
"""

from __future__ import annotations

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studies", "0012_published_votes")]

    operations = [
        AddConstraintNotValid(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(slug__regex="^[a-z0-9][a-z0-9-]{0,79}$"),
                name="study_slug",
            ),
        ),
    ]
