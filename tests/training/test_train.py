"""`train`: labels in, a registered encoder out, and nothing half-registered where it fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.catalog.models import Catalogue, Item, Triplet
from evalapp.contenders.models import EmbeddingModel
from evalapp.core.models import JobState
from evalapp.core.pipeline import chunk_work
from evalapp.training.management.commands.train import Command
from evalapp.training.management.run_watching import say_table
from evalapp.training.models import Epoch, TrainingRun
from models_registry.encoders.checkpoint import SPEC, read_checkpoint
from models_registry.training.common.recipe_base import list_recipes

pytestmark = [pytest.mark.django_db, pytest.mark.database]

QUICK = ("epochs=3", "validation_share=0.2", "test_share=0.3")


def train(recipe: str, *settings: str, name: str = "learnt", base: str | Sequence[str] = "tiny") -> TrainingRun:
    """Begin a run with the command and do a worker's part in it."""
    words = [word for setting in (*QUICK, *settings) for word in ("--set", setting)]
    words += [word for one in ([base] if isinstance(base, str) else base) for word in ("--base", one)]
    call_command("train", "striped", "--recipe", recipe, "--name", name, *words)
    run = TrainingRun.objects.order_by("-pk")[0]
    assert run.job is not None
    while chunk_work.work_on(run.job.pk):
        pass
    run.refresh_from_db()
    run.job.refresh_from_db()
    return run


def test_labels_become_an_encoder_that_takes_part_in_studies(striped: str) -> None:
    run = train("retrain", "hidden=32")
    assert run.state == JobState.DONE, run.job and run.job.error
    assert run.model is not None
    assert run.model.name == "learnt"
    assert [tap["dim"] for tap in run.model.spec["taps"]] == [32]
    assert list(Epoch.objects.filter(run=run).values_list("epoch", flat=True)) == [0, 1, 2, 3]
    lines = {line["name"] for line in run.metrics["table"]["lines"]}
    assert {"raw features:cosine", "colours:l1", "trained:cosine", "random control"} <= lines
    call_command("create_study", "next", "--catalogue", striped, "--contender", "learnt:hamming")


def _recall(run: TrainingRun) -> float:
    return float(run.metrics["headline"]["scores"]["recall_at_1"]["value"])


def test_several_encoders_are_learnt_from_side_by_side(striped: str) -> None:
    """Products that differ in colours only: what one encoder does not see another brings."""
    alone = train("triplet", "epochs=1", name="alone", base="tiny.fc6")
    joined = train("triplet", "epochs=1", name="joined", base=("tiny.fc6", "colours"))
    assert joined.state == JobState.DONE, joined.job and joined.job.error
    assert joined.parent.spec["family"] == "joint"
    assert len(joined.parent.spec["options"]["parts"]) == 4
    assert _recall(joined) > _recall(alone)


def test_the_convolutions_stay_what_they_were(striped: str) -> None:
    run = train("retrain", "hidden=32")
    spec = read_checkpoint(run.workdir / "encoder" / SPEC)
    tiny = EmbeddingModel.objects.get(name="tiny")
    assert spec.base.fingerprint == tiny.fingerprint
    assert spec.base_tap == "pool5"
    assert not spec.is_tuned


def test_the_card_says_where_an_encoder_comes_from(striped: str) -> None:
    run = train("retrain", "hidden=16")
    assert run.card["recipe"] == "retrain"
    assert run.card["settings"]["hidden"] == 16
    assert sum(run.card["data"]["pictures"].values()) == 120
    assert len(run.card["data"]["snapshot"]) == 64


def test_no_product_lies_in_two_splits(striped: str) -> None:
    run = train("retrain", "hidden=16")
    trained = set((run.workdir / "encoder" / "trained-on.txt").read_text().split())
    sides: dict[str, set[bool]] = {}
    for product, sha256 in Item.objects.values_list("product", "picture__sha256"):
        sides.setdefault(product, set()).add(sha256 in trained)
    assert all(len(side) == 1 for side in sides.values())


def test_vectors_are_whitened_without_a_label(striped: str) -> None:
    run = train("post", "post=centre,whiten=16,l2")
    assert run.state == JobState.DONE, run.job and run.job.error
    assert run.model is not None
    assert read_checkpoint(run.workdir / "encoder" / SPEC).head.layers == ("centre", "linear", "normalise")


@pytest.mark.parametrize(
    "recipe", [entry.name for entry in list_recipes("labels") if entry.name not in {"retrain", "post"}]
)
def test_every_recipe_makes_an_encoder(striped: str, recipe: str) -> None:
    run = train(recipe, "batches=1", "epochs=1")
    assert run.state == JobState.DONE, run.job and run.job.error
    assert run.model is not None
    scores = run.metrics["headline"]["scores"]
    assert 0 <= scores["recall_at_1"]["value"] <= 1


@pytest.mark.parametrize(
    ("field", "told"),
    [("category", "has a category"), ("product", "has a product")],
)
def test_without_labels_nothing_begins_and_it_is_said_why(striped: str, field: str, told: str) -> None:
    Item.objects.update(**{field: ""})
    run = train("retrain" if field == "category" else "triplet")
    assert run.state == JobState.FAILED
    assert run.job is not None
    assert told in run.job.error
    assert run.model is None
    assert not EmbeddingModel.objects.filter(name="learnt").exists()
    assert not Epoch.objects.exists()


def test_one_category_is_not_enough(striped: str) -> None:
    Item.objects.update(category="dress")
    run = train("retrain")
    assert run.job is not None
    assert "of one category, dress" in run.job.error


def test_one_picture_per_product_is_not_enough(striped: str) -> None:
    for number, item in enumerate(Item.objects.all()):
        Item.objects.filter(pk=item.pk).update(product=f"single-{number}")
    run = train("triplet")
    assert run.job is not None
    assert "nothing to pull together" in run.job.error


def test_a_loss_that_is_no_number_ends_the_run_and_registers_nothing(striped: str) -> None:
    run = train("retrain", "hidden=16", "learning_rate=1e38")
    assert run.state == JobState.FAILED
    assert run.job is not None
    assert "lower learning_rate" in run.job.error
    assert not EmbeddingModel.objects.filter(name="learnt").exists()


def test_a_name_that_is_taken_is_refused_before_anything_begins(striped: str) -> None:
    with pytest.raises(CommandError, match="There is a model tiny already"):
        call_command("train", striped, "--recipe", "retrain", "--name", "tiny", "--base", "tiny")
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--recipe", "retrian", "--name", "x", "--base", "tiny"], "Did you mean retrain"),
        (["--recipe", "retrain", "--name", "x", "--base", "tiny", "--set", "colour=red"], "no setting colour"),
        (["--recipe", "retrain", "--name", "x", "--base", "tiny", "--set", "hidden=many"], "a whole number"),
        (["--recipe", "retrain", "--name", "x", "--base", "tiny.fc9"], "Say at which tap"),
        (["--recipe", "retrain", "--name", "x", "--base", "none"], "names no registered model"),
        (["--recipe", "retrain", "--name", "x"], "--base is missing"),
    ],
)
def test_words_that_are_off_are_refused_with_exit_code_2(striped: str, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told) as refusal:
        call_command("train", striped, *words)
    assert refusal.value.returncode == 2


def test_the_list_names_every_recipe_with_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("train", list=True, json=True)
    listed = {line["name"]: line["settings"] for line in json.loads(capsys.readouterr().out)}
    assert {"retrain", "triplet", "deep-ranking"} <= set(listed)
    assert listed["retrain"]["hidden"] == 4096
    assert listed["deep-ranking"]["margin"] == 0.05


def test_a_picture_that_comes_later_is_found_and_no_weight_moves(striped: str, tmp_path: Path) -> None:
    """A product unknown at training time is identified by its neighbours."""
    from evalapp.contenders.pipeline import embeddings
    from tests.training.conftest import draw

    run = train("triplet", "batches=4")
    assert run.model is not None
    before = (run.workdir / "encoder" / "head.safetensors").read_bytes()
    call_command("import_catalogue", "later", str(draw(tmp_path / "later", products=3, seed=9)))
    items = list(Item.objects.filter(catalogue__slug__in=["later", striped]).order_by("pk"))
    embeddings.embed_items(run.model, ["embedding"], [item.pk for item in items])
    known = embeddings.contents(run.model, [item.pk for item in items])
    vectors = embeddings.folder_of(run.model, "embedding").reader([content.key for content in known])
    table = vectors.take(np.arange(len(items)))
    new = [row for row, item in enumerate(items) if item.catalogue.slug == "later"]
    hits = 0
    for row in new:
        distances = np.linalg.norm(table - table[row], axis=1)
        distances[row] = np.inf
        nearest = items[int(distances.argmin())]
        hits += nearest.catalogue_id == items[row].catalogue_id and nearest.product == items[row].product
    assert hits >= len(new) / 2
    assert (run.workdir / "encoder" / "head.safetensors").read_bytes() == before


def test_what_people_decided_about_triplets_reaches_the_recipe(striped: str) -> None:
    from evalapp.catalog.services import triplets
    from evalapp.training.pipeline.datasets.label_data import data_of

    run = train("triplet", "batches=2")
    catalogue = Catalogue.objects.get(slug=striped)
    triplets.propose_from_labels(catalogue, 3)
    first, second, _ = Triplet.objects.order_by("pk")
    triplets.decide_triplet(catalogue, first.pk, "accepted")
    triplets.decide_triplet(catalogue, second.pk, "rejected")
    data = data_of(run)
    named = [[data.keys[row] for row in rows] for rows in (*data.reviewed.accepted, *data.reviewed.rejected)]
    assert named == [[item.key for _, item in triplet.pictures] for triplet in (first, second)]
    assert data.snapshot != run.card["data"]["snapshot"]


def test_runs_are_seen_and_begun_over_http(striped: str, admin_client: Client) -> None:
    begun = admin_client.post(
        "/api/v1/training-runs/",
        {"catalogue": striped, "recipe": "retrain", "name": "over-http", "base": "tiny", "settings": {"hidden": 8}},
        content_type="application/json",
    )
    assert begun.status_code == 201, begun.content
    assert begun.json()["config"]["hidden"] == 8
    listed = admin_client.get("/api/v1/training-runs/").json()
    assert [run["name"] for run in listed] == ["over-http"]
    one = admin_client.get(f"/api/v1/training-runs/{begun.json()['id']}/").json()
    assert one["epochs"] == []
    refused = admin_client.post(
        "/api/v1/training-runs/",
        {"catalogue": striped, "recipe": "nothing", "name": "x", "base": "tiny"},
        content_type="application/json",
    )
    assert refused.json()["error"]["code"] == "invalid"


def test_runs_are_for_operators(striped: str, client: Client) -> None:
    assert client.get("/api/v1/training-runs/").status_code in {401, 403}
    assert client.get("/lab/training/").status_code == 302


def test_the_command_says_where_nothing_was_gained(capsys: pytest.CaptureFixture[str]) -> None:
    table: dict[str, object] = {"queries": 3, "gallery": 9, "judge": "product"}
    table["lines"] = [{"name": "trained:cosine", "scores": {}}]
    gained = {"table": table, "kept": "trained", "own_validation": 0.5, "trained_validation": 0.6}
    say_table(Command(), gained)
    assert "Nothing was gained" not in capsys.readouterr().out
    say_table(Command(), gained | {"kept": "own vectors", "own_validation": 0.6, "trained_validation": 0.5})
    assert "own vectors score 0.600, what was trained 0.500" in capsys.readouterr().out
