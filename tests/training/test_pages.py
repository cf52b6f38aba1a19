"""The pages of training runs: curves while it learns, tables and answers when it has learnt."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from evalapp.plots.marks import Line, Trace
from evalapp.training.models import Epoch
from evalapp.training.pages.run_plots import plots_of
from tests.training.test_train import train

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_run_shows_curves_maps_tables_and_answers(
    striped: str, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    run = train("triplet", "batches=1")
    with django_assert_max_num_queries(12):
        page = admin_client.get(f"/lab/training/{run.pk}/").content.decode()
    for words in (
        "Loss",
        "recall at 1",
        "random control",
        "colours:l1",
        "Wrong and nearest",
        "epoch 3",
        "plot__group-2",
        "By category, the worst found first",
        f"It learnt from the catalogue striped, snapshot <code>{run.card['data']['snapshot'][:16]}</code>",
    ):
        assert words in page, words
    assert "learnt" in admin_client.get("/lab/training/").content.decode()


def test_a_run_that_waits_has_a_page_and_one_that_is_not_there_has_none(striped: str, admin_client: Client) -> None:
    from django.core.management import call_command

    from evalapp.training.models import TrainingRun

    call_command("train", striped, "--recipe", "retrain", "--name", "waits", "--base", "tiny")
    run = TrainingRun.objects.get()
    assert "No epoch has ended yet" in admin_client.get(f"/lab/training/{run.pk}/").content.decode()
    assert admin_client.get("/lab/training/999999/").status_code == 404


def test_curves_lie_in_their_frame_and_end_where_the_numbers_end() -> None:
    rows = [Epoch(part="", epoch=epoch, values={"loss": 2.0 / (epoch + 1)}) for epoch in range(5)]
    (plot,) = plots_of(rows)
    (trace,) = (mark for mark in plot.drawing.marks if isinstance(mark, Trace))
    lines = [mark for mark in plot.drawing.marks if isinstance(mark, Line)]
    top, foot = min(line.y1 for line in lines), max(line.y1 for line in lines)
    assert trace.points[0] == (lines[0].x1, top)
    assert trace.points[-1] == (lines[0].x2, pytest.approx(foot - 0.4 / 2.0 * (foot - top)))
    assert plot.ends == (("loss", 0.4),)
