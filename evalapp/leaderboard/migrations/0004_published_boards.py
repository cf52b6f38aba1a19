import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0003_decisions_that_stand"),
        ("studies", "0012_published_votes"),
    ]

    operations = [
        migrations.CreateModel(
            name="PublishedBoard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cut_vote", models.BigIntegerField()),
                (
                    "cut_votes",
                    models.PositiveBigIntegerField(help_text="Verdicts that counted when it was cut, not rounded."),
                ),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("method_version", models.CharField(max_length=20)),
                ("document", models.JSONField()),
                ("duels", models.JSONField()),
                ("report", models.JSONField(default=dict)),
                (
                    "study",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="published_boards",
                        to="studies.study",
                    ),
                ),
            ],
            options={
                "ordering": ("study", "pk"),
                "indexes": [models.Index(fields=["study", "id"], name="published_boards_of_study")],
            },
        ),
    ]
