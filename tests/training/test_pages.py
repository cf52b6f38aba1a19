"""The pages of training runs: curves while it learns, tables and answers when it has learnt."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from evalapp.training.drawing import HEIGHT, WIDTH, plots_of
from evalapp.training.models import Epoch
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
        "curves__dot--2",
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
    (curve,) = plot.curves
    places = [tuple(map(float, point.split(","))) for point in curve.points.split()]
    assert places[0] == (0.0, 0.0)
    assert places[-1][0] == WIDTH
    assert places[-1][1] == pytest.approx(HEIGHT - 0.4 / 2.0 * HEIGHT, abs=0.1)
    assert (plot.low, plot.high, curve.last) == (0.0, 2.0, 0.4)
