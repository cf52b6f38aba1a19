"""Attack 1: read everything public before and after each own vote, take votes back, and let a classifier guess.

It guesses which contenders put the pair first, and whether its answer was known. What it sees of a contender are the
changes of its numbers, against those of the others; nothing in a row tells which contender or which picture it is.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.test import Client
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evalapp.leaderboard.services import publish_if_due, update_sums
from evalapp.studies.models import Nomination, Study
from evalapp.voting.models import Exposure, Voter
from tests import cast
from tests.attacks.arena import honest_votes

_OWN_VOTES_PER_COOKIE = 15
_HONEST_PER_OWN = 12
_LATER = 2
"""So many changes of the board after an own vote are looked at: the vote is in the first, the second or neither."""
FloatArray = NDArray[np.float64]
_tags: dict[int, str] = {}


@dataclass(frozen=True, slots=True)
class Guess:
    """Area under the curve with its 95 % interval (bootstrap over own votes), and how many rows it is of."""

    auc: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        return f"{self.auc:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(slots=True)
class _Reading:
    """Everything that a stranger can ask for, as numbers: of each contender, and of the whole."""

    contenders: dict[str, FloatArray]
    whole: FloatArray


@dataclass(slots=True)
class _Own:
    """One own vote: the readings around it, the number of the reading after which it was cast, and the truth."""

    before: _Reading
    after: _Reading
    undone: _Reading
    verdict: float
    place: int
    addresses: tuple[float, ...]
    first: set[str]
    is_known: bool
    later: list[_Reading] = field(default_factory=list)


def read_and_vote(study: Study, own_votes: int) -> list[_Own]:
    """An attacker with a cookie for every 15 votes, among a crowd that votes twelve times as often."""
    rng = np.random.default_rng(3)
    history: list[_Reading] = []
    seen: Counter[str] = Counter()
    own: list[_Own] = []
    for _ in range(-(-own_votes // _OWN_VOTES_PER_COOKIE)):
        browser = cast.browser_of(Voter.objects.create())
        for shown in cast.deck(browser, study, _OWN_VOTES_PER_COOKIE):
            own.append(_one_vote(browser, study, shown, seen, history, rng))
            honest_votes(study, Voter.objects.create(), _HONEST_PER_OWN, rng)
            publish_if_due(study)
    for one in own:
        one.later = history[one.place : one.place + _LATER + 1]
    return own[:own_votes]


def _one_vote(
    browser: Client, study: Study, shown: dict[str, Any], seen: Counter[str], history: list[_Reading],
    rng: np.random.Generator,
) -> _Own:  # fmt: skip
    verdict = "dope" if rng.random() < 0.5 else "nope"
    before = _read(browser, study)
    if not history or not np.array_equal(_flat(before), _flat(history[-1])):
        history.append(before)
    cast.send(browser, {"token": shown["token"], "verdict": verdict, "client_id": "first"})
    after = _read(browser, study)
    browser.post("/api/v1/votes/undo/", {"n": 1}, content_type="application/json")
    undone = _read(browser, study)
    cast.send(browser, {"token": shown["token"], "verdict": verdict, "client_id": "second"})
    exposure = cast.exposure_of(shown)
    addresses = tuple(float(seen[shown[side]["image"]]) for side in ("query", "candidate"))
    seen.update(shown[side]["image"] for side in ("query", "candidate"))
    return _Own(
        before, after, undone, 1.0 if verdict == "dope" else -1.0, len(history) - 1, addresses,
        _first_of(exposure), exposure.kind == "gold",
    )  # fmt: skip


def _first_of(exposure: Exposure) -> set[str]:
    if exposure.kind not in {"study", "control"}:
        return set()
    rows = Nomination.objects.filter(pair=exposure.pair_id, rank=1)
    return set(rows.values_list("contender__name", flat=True))


def _read(browser: Client, study: Study) -> _Reading:
    """The API, a table, the tag of the page, counts of studies and the own answers, some seconds later."""
    update_sums(study)
    board = browser.get(f"/api/v1/studies/{study.slug}/leaderboard/").json()
    wins: Counter[str] = Counter()
    table = browser.get(f"/leaderboard/{study.slug}/tables/head-to-head.csv").content.decode()
    for row in csv.DictReader(io.StringIO(table)):
        wins[row["first"]] += float(row["difference"])
    # Asked for with the tag from before: only where it changed the page is made.
    page = browser.get(f"/leaderboard/{study.slug}/", headers={"If-None-Match": _tags.get(study.pk, "")})
    _tags[study.pk] = page.headers["ETag"]
    told = browser.get(f"/api/v1/studies/{study.slug}/").json()
    yours = browser.get(f"/api/v1/studies/{study.slug}/yours/").json()
    agreement = yours["agreement"] or {"share": 0.0, "compared": 0}
    contenders = {
        line["contender"]: np.array(
            [line["votes"], line["approval"] or 0.0, line["low"], line["high"], line["raw_approval"] or 0.0,
             wins[line["contender"]]]
        )
        for line in board["standings"]
    }  # fmt: skip
    tag = int(page.headers["ETag"].strip('"')[:6], 16)
    whole = [
        board["votes"], board["credited_votes"], board["voters"], board["set_aside"]["votes"], told["votes"],
        yours["answered"], yours["until_agreement"], agreement["share"], agreement["compared"], tag,
    ]  # fmt: skip
    return _Reading(contenders, np.array(whole, dtype=float))


def _flat(reading: _Reading) -> FloatArray:
    return np.concatenate(list(reading.contenders.values()))


def guess_contenders(own: list[_Own]) -> Guess:
    """For each own vote on a pair of the design and each contender: did it put the pair first?"""
    rows, labels, groups = [], [], []
    for number, one in enumerate(own):
        if not one.first:
            continue
        steps = list(_steps(one))
        for name in one.before.contenders:
            rows.append(np.concatenate([_against_others(step, name) for step in steps] + [[one.verdict]]))
            labels.append(name in one.first)
            groups.append(number)
    signed = np.array(rows)
    # What a dope raises a nope lowers.
    return _guess(np.hstack([signed, signed[:, :-1] * signed[:, -1:]]), np.array(labels), np.array(groups))


def _steps(one: _Own) -> Iterator[dict[str, FloatArray]]:
    later = [one.before, *one.later]
    for earlier, now in ((one.before, one.after), (one.after, one.undone)):
        yield _change(earlier, now)
    for number in range(_LATER):
        known = number + 2 < len(later)
        yield _change(later[number + 1], later[number + 2]) if known else _change(one.before, one.before)


def _change(earlier: _Reading, now: _Reading) -> dict[str, FloatArray]:
    return {name: now.contenders[name] - values for name, values in earlier.contenders.items()}


def _against_others(step: dict[str, FloatArray], name: str) -> FloatArray:
    return np.asarray(step[name] - np.mean(list(step.values()), axis=0), dtype=float)


def guess_kinds(own: list[_Own]) -> Guess:
    """For each own vote: was its answer known?"""
    rows = [
        np.concatenate(
            [one.after.whole - one.before.whole, one.undone.whole - one.after.whole, np.minimum(one.addresses, 3)]
        )
        for one in own
    ]
    changed = np.array(rows)
    # Of a tag only whether it changed.
    changed[:, [9, 19]] = changed[:, [9, 19]] != 0
    return _guess(changed, np.array([one.is_known for one in own]), np.arange(len(own)))


def _guess(rows: FloatArray, labels: NDArray[np.bool_], groups: NDArray[np.intp]) -> Guess:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000, class_weight="balanced"))
    told = cross_val_predict(model, rows, labels, groups=groups, cv=StratifiedGroupKFold(5), method="decision_function")
    rng = np.random.default_rng(0)
    names = np.unique(groups)
    members = [np.flatnonzero(groups == name) for name in names]
    aucs = []
    for _ in range(500):
        chosen = np.concatenate([members[place] for place in rng.integers(0, len(names), len(names))])
        if 0 < labels[chosen].sum() < len(chosen):
            aucs.append(roc_auc_score(labels[chosen], told[chosen]))
    low, high = np.quantile(aucs, [0.025, 0.975])
    return Guess(float(roc_auc_score(labels, told)), float(low), float(high), len(rows))
