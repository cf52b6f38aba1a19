"""Settings are swept over by command, form and HTTP; costs and budgets are laid beside worth in the browser."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.catalog.models import Item
from evalapp.catalog.services.withdraw_pictures import withdraw_pictures
from evalapp.core.models import Job
from evalapp.core.pipeline import chunk_work
from evalapp.training.management.commands import sweep
from evalapp.training.models import TrainingRun
from evalapp.training.pipeline.run_price import Meter, price_of
from evalapp.training.queries.side_by_side import side_by_side
from evalapp.training.services.checkpoints import drop_stale_snapshots, packed_snapshot
from evalapp.training.tasks import turn_loop
from tests.training.test_train import train

pytestmark = [pytest.mark.django_db, pytest.mark.database]

QUICK = {"epochs": [1], "batches": [1], "validation_share": [0.2], "test_share": [0.3]}


def work_off() -> None:
    for run in TrainingRun.objects.all():
        assert run.job is not None
        while chunk_work.work_on(run.job.pk):
            pass


def work(number: int) -> None:
    while chunk_work.work_on(number):
        pass


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_a_sweep_trains_every_choice_and_validation_says_which_is_best(
    striped: str, monkeypatch: pytest.MonkeyPatch, admin_client: Client
) -> None:
    monkeypatch.setattr(sweep, "follow_runs", lambda _command, _runs: work_off())
    words = [f"{name}={value}" for name, values in QUICK.items() for value in values]
    words += ["margin=0.1", "margin=0.4", "loss=triplet", "loss=contrastive"]
    out = StringIO()
    call_command(
        "sweep", striped, bases=["tiny.fc6"], assignments=words, wait=True, json=True, stdout=out, name="tried"
    )
    told = json.loads(out.getvalue())

    assert [run["differs"] for run in sorted(told["runs"], key=lambda run: run["id"])] == [
        {"margin": margin, "loss": loss} for margin in (0.1, 0.4) for loss in ("triplet", "contrastive")
    ]
    validation = [run["metrics"]["validation"] for run in told["runs"]]
    assert validation == sorted(validation, reverse=True)
    assert told["best_by_validation"] == told["runs"][0]["name"]
    assert {run["name"] for run in told["runs"]} == {"tried-1", "tried-2", "tried-3", "tried-4"}
    ids = ",".join(str(run["id"]) for run in told["runs"])
    found = admin_client.get(f"/api/v1/training-runs/compare/?runs={ids}").json()
    assert found["by_validation"]
    assert [line["id"] for line in found["lines"]] == [run["id"] for run in told["runs"]]
    page = admin_client.get(f"/lab/training/labels/compare/?runs={ids}").content.decode()
    assert "The best by validation comes first" in page
    assert "loss contrastive, margin 0.4" in page


def test_the_form_and_http_begin_the_same_sweep(striped: str, admin_client: Client) -> None:
    given = {"catalogue": striped, "bases": ["tiny.fc6"], "recipe": "triplet", "name": "http"}
    answer = admin_client.post(
        "/api/v1/training-runs/sweep/", {**given, "settings": {"margin": [0.1, 0.3]}}, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    assert [(run["name"], run["config"]["margin"]) for run in answer.json()] == [("http-1", 0.1), ("http-2", 0.3)]

    form = {**given, "name": "form", "settings": "margin=0.1, margin=0.3, epochs=2"}
    answer = admin_client.post("/lab/training/labels/", form)

    runs = TrainingRun.objects.filter(name__startswith="form").order_by("pk")
    assert [(run.name, run.config["margin"], run.config["epochs"]) for run in runs] == [
        ("form-1", 0.1, 2),
        ("form-2", 0.3, 2),
    ]
    assert answer.headers["Location"].endswith(f"compare/?runs={runs[0].pk},{runs[1].pk}")


def test_a_sweep_of_one_of_too_many_or_of_nonsense_begins_nothing(striped: str) -> None:
    for words in (["margin=0.1"], [f"seed={number}" for number in range(31)]):
        with pytest.raises(CommandError, match="2 to 30 encoders"):
            call_command("sweep", striped, bases=["tiny.fc6"], assignments=words)
    with pytest.raises(CommandError, match="no setting margins"):
        call_command("sweep", striped, bases=["tiny.fc6"], assignments=["margins=1", "margins=2"])
    assert not TrainingRun.objects.exists()


def test_costs_are_measured_by_a_worker_and_a_budget_names_the_best(striped: str, admin_client: Client) -> None:
    bases = ("tiny", "colours")
    runs = [train("triplet", "epochs=1", "batches=1", name=f"over-{base}", base=base) for base in bases]
    ids = ",".join(str(run.pk) for run in runs)
    where = f"/lab/training/labels/compare/?runs={ids}"
    assert "Measure megabytes and milliseconds" in admin_client.get(where).content.decode()
    admin_client.post("/lab/training/labels/costs/", {"runs": ids})
    answer = admin_client.post(
        "/api/v1/training-runs/costs/", {"runs": [run.pk for run in runs]}, content_type="application/json"
    )
    assert answer.status_code == 202
    for job in answer.json():
        work(job["id"])

    found = admin_client.get(f"/api/v1/training-runs/compare/?runs={ids}&budget_mb=0.1").json()

    assert not found["by_validation"]
    costs = {line["name"]: line["cost"] for line in found["lines"]}
    assert costs["over-tiny"]["bytes"] > 0.1e6 > costs["over-colours"]["bytes"] == 0
    assert all(cost["ms"] > 0 for cost in costs.values())
    assert found["best_within_budget"].startswith("The best within 0.1 MB: colours.embedding")
    page = admin_client.get(f"{where}&budget_mb=0.1&budget_ms=nonsense").content.decode()
    assert "The best within 0.1 MB: colours.embedding" in page
    assert "hollow: beyond 0.1 MB" in page
    assert "hollow" not in admin_client.get(where).content.decode()
    assert [cost.backbone for cost in side_by_side([runs[1].pk]).costs] == ["colours.embedding"]


def test_costs_of_what_has_no_scores_are_refused(striped: str, admin_client: Client) -> None:
    call_command("train", striped, "--recipe", "triplet", "--name", "waits", "--base", "tiny")
    run = TrainingRun.objects.get()
    answer = admin_client.post("/api/v1/training-runs/costs/", {"runs": [run.pk]}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_what_a_run_learnt_from_is_listed_packed_and_learnt_from_again(striped: str, admin_client: Client) -> None:
    run = train("retrain", "hidden=8", name="first")
    snapshot = run.card["data"]["snapshot"]
    packed_snapshot(run).unlink(missing_ok=True)
    (line,) = admin_client.get("/api/v1/training-snapshots/").json()
    assert (line["snapshot"], line["runs"], line["run"]) == (snapshot, ["first"], run.pk)
    where = f"/api/v1/training-runs/{run.pk}/snapshot/"
    assert admin_client.get(where).status_code == 409
    admin_client.post(f"/lab/training/{run.pk}/snapshot/")
    job = admin_client.post(where).json()
    work(job["id"])

    with zipfile.ZipFile(BytesIO(body(admin_client.get(where)))) as archive:
        names = set(archive.namelist())
    assert {"items.csv", "triplets.csv"} < names
    assert len(names) == 2 + line["pictures"]
    page = admin_client.get("/lab/training/snapshots/").content.decode()
    assert snapshot[:16] in page
    assert f"/lab/training/{run.pk}/snapshot.zip" in page
    assert body(admin_client.get(f"/lab/training/{run.pk}/snapshot.zip"))[:2] == b"PK"
    again = f"?catalogue={striped}&recipe=retrain&base=tiny.pool5&base=tiny&settings=snapshot={snapshot[:16]}"
    assert again.replace("&", "&amp;") in page
    form = admin_client.get(f"/lab/training/labels/{again}").content.decode()
    assert f'value="snapshot={snapshot[:16]}"' in form
    assert form.count("checked") == 1


def test_a_picture_that_was_taken_down_is_in_no_packed_snapshot(striped: str, admin_client: Client) -> None:
    run = train("retrain", "hidden=8", name="first")
    where = f"/api/v1/training-runs/{run.pk}/snapshot/"
    work(admin_client.post(where).json()["id"])
    assert drop_stale_snapshots() == 0
    withdraw_pictures(striped, [Item.objects.order_by("pk")[0].key])

    turn_loop()

    assert admin_client.get(where).status_code == 409
    job = Job.objects.get(pk=admin_client.post(where).json()["id"])
    work(job.pk)
    job.refresh_from_db()
    assert "1 pictures of snapshot" in job.error
    assert admin_client.get(where).status_code == 409
    again = train("retrain", "hidden=8", f"snapshot={run.card['data']['snapshot'][:12]}", name="again")
    assert again.job is not None
    assert "1 pictures of snapshot" in again.job.error


def test_an_encoder_is_packed_in_8_bit_numbers_with_its_loss_told(striped: str, admin_client: Client) -> None:
    run = train("triplet", "epochs=1", "batches=1")
    where = f"/api/v1/training-runs/{run.pk}/checkpoint/"
    admin_client.post(f"/lab/training/{run.pk}/checkpoint/", {"quantise": ""})
    job = admin_client.post(where, {"quantise": True}, content_type="application/json").json()
    assert job["kind"] == "quantise"
    work(job["id"])
    assert admin_client.get(where).status_code == 409
    with zipfile.ZipFile(BytesIO(body(admin_client.get(f"{where}?quantised=true")))) as archive:
        assert {"encoder.onnx", "encoder.int8.onnx"} <= set(archive.namelist())
    run.refresh_from_db()
    assert run.metrics["quantised"]["bytes"] < 0.5 * run.metrics["quantised"]["exact_bytes"]
    page = admin_client.get(f"/lab/training/{run.pk}/").content.decode()
    assert "In 8-bit numbers" in page
    assert f"/lab/training/{run.pk}/checkpoint.zip?quantised" in page


def test_the_walk_of_an_autoencoder_is_seen_by_page_http_and_command(
    striped: str, admin_client: Client, tmp_path: Path
) -> None:
    run = train("multi-task", "epochs=1", "batches=1", name="tasks")
    assert run.state == "done", run.job and run.job.error
    assert f"/lab/training/{run.pk}/walk.png" in admin_client.get(f"/lab/training/{run.pk}/").content.decode()
    seen = body(admin_client.get(f"/lab/training/{run.pk}/walk.png"))
    assert seen == body(admin_client.get(f"/api/v1/training-runs/{run.pk}/walk/"))
    call_command("latent_walk", "tasks", output=tmp_path / "walk.png", stdout=StringIO())
    assert (tmp_path / "walk.png").read_bytes() == seen
    other = train("retrain", "hidden=8", name="other")
    assert admin_client.get(f"/api/v1/training-runs/{other.pk}/walk/").status_code == 404
    assert admin_client.get(f"/lab/training/{other.pk}/walk.png").status_code == 404
    with pytest.raises(CommandError, match="no autoencoder"):
        call_command("latent_walk", "other", output=tmp_path / "none.png")


def test_a_run_keeps_its_price(striped: str, admin_client: Client, settings: LazySettings) -> None:
    settings.PRICE_PER_HOUR = 360.0
    price = train("retrain", "hidden=8").card["price"]
    assert price["pictures"] == 120
    assert "core" in price["device"] or "GB" in price["device"]
    assert price["cost"] == pytest.approx(price["seconds"] * 0.1, abs=0.01)
    run = TrainingRun.objects.get()
    assert (
        f"and cost {price['cost']:.2f} at 360.00 an hour"
        in admin_client.get(f"/lab/training/{run.pk}/").content.decode()
    )


def test_seconds_of_attempts_that_were_killed_count_up_to_their_last_epoch(tmp_path: Path) -> None:
    times = iter([100.0, 130.0, 170.0])
    first = Meter(tmp_path, lambda: next(times))
    first.note_seconds()
    times = iter([500.0, 510.0, 512.0])
    second = Meter(tmp_path, lambda: next(times))
    assert second.seconds == pytest.approx(40)
    second.note_seconds()
    assert Meter(tmp_path, lambda: 0.0).seconds == pytest.approx(42)
    (tmp_path / "spent.json").write_text("torn")
    assert Meter(tmp_path, lambda: 0.0).seconds == 0
    assert price_of(90, "CPU", {"votes": {}}, 0) == {
        "seconds": 90, "device": "CPU", "pictures": None, "per_hour": None, "cost": None,
    }  # fmt: skip
