"""A classifier that sees all that a client can see does not find out why a pair was shown.

Sizes, lengths of files and answers, headers, times, places in the deck, tokens, addresses. The pictures themselves are
drawn by chance, so that only the mechanism could tell the kinds apart.
"""

from __future__ import annotations

import io
import json
import time
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from evalapp.catalog.domain.originals import store_original
from evalapp.catalog.models import Picture
from evalapp.catalog.services.renditions import ensure_renditions
from evalapp.studies.models import Study
from evalapp.voting.models import Exposure
from evalapp.voting.services.gold_pairs import prepare_golds
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

VOTERS, DECKS = 14, 5
_SHARED_BY_A_DECK = 4
"""So many numbers at the start of a row are of the deck, not of the exposure."""
_CANDIDATES_WIDTH = 15
"""Its place in a row."""


@pytest.fixture
def study() -> Study:
    """Many known answers and repeats; every picture a soft landscape of a size of its own."""
    study = cast.open_study(queries=100)
    Study.objects.update(gold_share=0.2, repeat_share=0.1)
    study.refresh_from_db()
    rng = np.random.default_rng(2)
    for item in study.catalogue.items.select_related("picture"):
        width, height = rng.integers(90, 160, 2).tolist()
        rough = Image.fromarray(rng.integers(0, 255, (4, 4, 3), dtype=np.uint8))
        out = io.BytesIO()
        rough.resize((width, height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=80)
        original = store_original(out.getvalue())
        Picture.objects.filter(pk=item.picture_id).update(file=original.file, width=width, height=height)
    ensure_renditions(study.catalogue.items.values_list("picture", flat=True))
    prepare_golds(study)
    return study


def everything_seen(study: Study) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A row of numbers for each exposure, its kind, its pair and its query."""
    lengths: dict[str, tuple[int, int]] = {}
    rows: list[list[float]] = []
    kinds: list[str] = []
    pairs: list[int] = []
    queries: list[int] = []
    for _ in range(VOTERS):
        browser = Client()
        for number in range(DECKS):
            begin = time.perf_counter()
            answer = browser.post("/api/v1/studies/match/deck/", {"n": 10}, content_type="application/json")
            took = time.perf_counter() - begin
            shown = answer.json()["exposures"]
            for place, one in enumerate(shown):
                told = [number, took, len(answer.content), len(answer.headers), place]
                rows.append([*told, *_seen(browser, one, lengths)])
            dealt = Exposure.objects.filter(token__in=[_token(one) for one in shown]).select_related("pair")
            known = {one.token.hex: one for one in dealt}
            kinds += [_kind(known[_token(one)]) for one in shown]
            pairs += [known[_token(one)].pair_id for one in shown]
            queries += [known[_token(one)].pair.query_id for one in shown]
            cast.send(browser, *({"token": one["token"], "verdict": "dope"} for one in shown))
    return np.array(rows), np.array(kinds), np.array(pairs), np.array(queries)


def _token(shown: dict[str, Any]) -> str:
    return str(shown["token"].split(":")[0])


def _kind(exposure: Exposure) -> str:
    return exposure.kind + exposure.expected


def _seen(browser: Client, shown: dict[str, Any], lengths: dict[str, tuple[int, int]]) -> list[float]:
    row: list[float] = [len(json.dumps(shown)), int(_token(shown)[:8], 16), int(_token(shown)[-8:], 16)]
    for side in ("query", "candidate"):
        picture = shown[side]
        address = picture["image"]
        if address not in lengths:
            answer = browser.get(address)
            lengths[address] = (len(answer.content), len(answer.headers))
        row += [picture["width"], picture["height"], picture["width"] / picture["height"], *lengths[address]]
        row += [lengths[address][0] / (picture["width"] * picture["height"]), sum(map(ord, address))]
    return row


def power(rows: np.ndarray, is_it: np.ndarray, queries: np.ndarray) -> float:
    """How many standard errors the classifier is above guessing, by the area under its curve (Mann and Whitney).

    It is asked about queries that it was not shown: whoever knows a pair already need not guess.
    """
    forest = RandomForestClassifier(60, min_samples_leaf=5, random_state=1, class_weight="balanced")
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=1)
    guessed = cross_val_predict(forest, rows, is_it, cv=folds, groups=queries, method="predict_proba")[:, 1]
    yes, no = int(is_it.sum()), int((~is_it).sum())
    return float((roc_auc_score(is_it, guessed) - 0.5) / np.sqrt((yes + no + 1) / (12 * yes * no)))


def test_no_kind_can_be_told_from_what_a_client_sees(study: Study) -> None:
    rows, kinds, pairs, queries = everything_seen(study)
    # The same pair before many voters is one case, not many.
    _, once = np.unique(pairs, return_index=True)
    planned = ("control", "golddope", "goldnope")
    found = {kind: power(rows[once], kinds[once] == kind, queries[once]) for kind in planned}
    # Repeats are of the same pairs and come late, since something has to be repeated: of the later decks all is used,
    # but for what a whole deck shares. That would tell how many of its ten are repeats, and never which.
    late = rows[:, 0] >= 2
    found["repeat"] = power(rows[late][:, _SHARED_BY_A_DECK:], kinds[late] == "repeat", queries[late])
    assert min((kinds[once] == kind).sum() for kind in planned) >= 20
    assert max(found.values()) < 4, found
    # The same classifier sees a leak where there is one: pictures of one kind that are a little larger.
    leaking = rows[once]
    leaking[kinds[once] == "golddope", _CANDIDATES_WIDTH] += 40
    assert power(leaking, kinds[once] == "golddope", queries[once]) > 5
