"""From one version to the next: migrations add first, and a filled database of the version before takes them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

from tests.journeys.installation import Installation

BEFORE = {
    "catalog": "0004_withdrawn_pictures",
    "contenders": "0004_trained_on_votes",
    "core": "0003_workers",
    "exports": "0001_initial",
    "leaderboard": "0004_published_boards",
    "studies": "0012_published_votes",
    "training": "0003_tastes",
    "voting": "0006_lighter_vote_path",
    "webhooks": "0001_initial",
}
"""Where the version before ended. Raised with every release, and never in between."""
_TAKES_AWAY = (
    migrations.RemoveField,
    migrations.DeleteModel,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
)


def _new() -> list[migrations.Migration]:
    """The migrations of this version."""
    found = []
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if app in BEFORE and name > BEFORE[app]:
            found.append(migration)
    return found


def _harms(operation: object) -> str:
    """Why processes of the version before could not go on working after this; empty if they can."""
    if isinstance(operation, _TAKES_AWAY):
        return f"{type(operation).__name__} takes away what the version before still asks for"
    if isinstance(operation, migrations.AddField):
        field = operation.field
        if not field.null and not field.many_to_many and field.db_default is models.NOT_PROVIDED:
            return f"the version before writes rows without {operation.name}: give it a db_default, or allow null"
    return ""


def test_migrations_of_this_version_add_first() -> None:
    told = [
        f"{migration.app_label}.{migration.name}: {why}"
        for migration in _new()
        for operation in migration.operations
        if (why := _harms(operation))
    ]
    assert told == []


@pytest.mark.parametrize(
    ("operation", "harms"),
    [
        (migrations.RemoveField("vote", "verdict"), True),
        (migrations.DeleteModel("vote"), True),
        (migrations.RenameField("vote", "verdict", "answer"), True),
        (migrations.AddField("vote", "note", models.TextField()), True),
        (migrations.AddField("vote", "note", models.TextField(null=True)), False),
        (migrations.AddField("vote", "note", models.TextField(db_default="")), False),
    ],
)
def test_what_takes_away_is_told(operation: object, harms: bool) -> None:
    assert bool(_harms(operation)) is harms


_FILL = """
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

before = {before!r}
for app, name in before.items():
    call_command("migrate", app, name, verbosity=0)
apps = MigrationLoader(connection).project_state(list(before.items())).apps
model = lambda app, name: apps.get_model(app, name).objects
catalogue = model("catalog", "Catalogue").create(slug="old", name="Old", version=1)
picture = model("catalog", "Picture").create(sha256="a" * 64, file="pictures/a.png", width=9, height=9, size=9)
item = model("catalog", "Item").create(catalogue=catalogue, key="a", path="a.png", picture=picture, version=1)
words = {{"slug": "old", "title": "Old", "catalogue_version": 1, "seed": 1, "top_k": 1}}
study = model("studies", "Study").create(catalogue=catalogue, **words)
query = model("studies", "Query").create(study=study, item=item, position=0)
pair = model("studies", "Pair").create(query=query, candidate=item, study=study)
voter = model("voting", "Voter").create()
exposure = model("voting", "Exposure").create(
    voter=voter, study=study, pair=pair, propensity=0.5, leased_until="2026-01-01T00:00:00Z"
)
model("voting", "Vote").create(exposure=exposure, study=study, pair=pair, voter=voter, verdict="dope")
model("webhooks", "Webhook").create(url="https://example.org/", events=["study.closed"])
model("core", "Job").create(kind="precompute", target="study:1")
"""
_LOOK = """
from evalapp.core.models import Job
from evalapp.studies.models import Study
from evalapp.voting.models import Vote
from evalapp.webhooks.models import Webhook
vote = Vote.objects.select_related("pair__candidate__picture", "study__catalogue").get()
counts = Job.objects.count(), Webhook.objects.count()
print("FOUND", vote.verdict, vote.study.slug, vote.pair.candidate.picture.file, *counts)
"""


@pytest.mark.journey
def test_a_filled_database_of_the_version_before_takes_the_migrations() -> None:
    with tempfile.TemporaryDirectory(prefix="don-upgrade-", ignore_cleanup_errors=True) as folder:
        there = Installation(Path(folder) / "var")
        there.run("shell", "--no-imports", "-v", "0", "-c", _FILL.format(before=BEFORE))
        there.run("migrate", "--verbosity", "0")
        done = there.run("shell", "--no-imports", "-v", "0", "-c", _LOOK)
        assert done.stdout.split("FOUND ")[1].split() == ["dope", "old", "pictures/a.png", "1", "1"]
