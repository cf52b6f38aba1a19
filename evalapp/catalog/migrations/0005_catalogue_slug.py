"""A catalogue's slug can stand in an address.

Rows of earlier versions are left as they are: a constraint that refuses them would end the migration.
"""

from __future__ import annotations

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_withdrawn_pictures")]

    operations = [
        AddConstraintNotValid(
            model_name="catalogue",
            constraint=models.CheckConstraint(
                condition=models.Q(slug__regex="^[a-z0-9][a-z0-9-]{0,79}$"),
                name="catalogue_slug",
            ),
        ),
    ]
