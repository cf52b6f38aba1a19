"""The board after one more vote: 50 contenders, 5,000 queries, few votes stored against many; and Bradley–Terry.

The stored votes are rows made by the database, marked as added already, which is what they are to the product once
its sums have met them: it keeps no list of them and reads none. The sums have the size that they always have.
Run: python tests/benchmarks/bench_board.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import evalica
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

import django  # noqa: E402 - the repository is on the path only now

django.setup()

from django.db import connection  # noqa: E402 - only after setup
from django.db.models import Max  # noqa: E402

from evalapp.leaderboard.models import BoardState  # noqa: E402
from evalapp.leaderboard.services import board_of, update_sums  # noqa: E402
from evalapp.stats.comparisons.bradley_terry import count_comparisons, fit_newton  # noqa: E402
from evalapp.studies.models import Contender, Study  # noqa: E402
from evalapp.voting.models import Vote, Voter  # noqa: E402
from tests import cast  # noqa: E402
from tests.benchmarks import seeding  # noqa: E402
from tests.benchmarks.harness import Row, at_most, print_table, timed_in_turns  # noqa: E402

CONTENDERS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer stored votes and comparisons")
    quick = parser.parse_args().quick
    rows = [_strengths(100_000 if quick else 1_000_000)]
    with _database():
        study = _study(5_000)
        few = _one_more_vote(study)
        stored = 20_000 if quick else 500_000
        seeding.votes(study, stored)
        _mark_as_added(study)
        many = _one_more_vote(study)
        rows += [
            at_most(f"one more vote and the board, {stored:,} stored over none", many, few, "s of a core", 1.25),
            at_most("the same over 0.2 s", many, 0.2, "s of a core", 1.0),
        ]
    print_table(f"The board, {CONTENDERS} contenders, 5,000 queries", rows)


def _study(queries: int) -> Study:
    """Four pairs per query; each contender puts one of them first."""
    study = seeding.study("board", queries * seeding.SLOTS)
    Contender.objects.bulk_create(Contender(study=study, name=f"net-{k}:l2") for k in range(CONTENDERS - 1))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM studies_nomination USING studies_contender c WHERE c.id = contender_id")
        cursor.execute(
            "INSERT INTO studies_nomination (pair_id, contender_id, rank) SELECT pair.id, contender.id, 1"
            " FROM studies_pair pair JOIN studies_query query ON query.id = pair.query_id"
            " JOIN studies_contender contender ON contender.study_id = pair.study_id"
            " WHERE pair.study_id = %s AND pair.slot = "
            "(query.position * 7 + contender.id * (query.position %% 11)) %% %s",
            [study.pk, seeding.SLOTS],
        )
        cursor.execute("ANALYZE")
    for _ in range(30):
        cast.answered_exposure(study, Voter.objects.create())
    update_sums(study)
    return study


def _one_more_vote(study: Study, repeats: int = 15) -> float:
    """Median seconds of this process's core, the database's own share apart, from a vote to the board it is on."""
    times = []
    for _ in range(repeats):
        cast.answered_exposure(study, Voter.objects.create())
        begin = time.process_time()
        before = BoardState.objects.get(study=study).updated_at
        update_sums(study)
        board = board_of(study)
        times.append(time.process_time() - begin)
        assert BoardState.objects.get(study=study).updated_at > before
        assert len(board.standings) == CONTENDERS
    return statistics.median(times)


def _mark_as_added(study: Study) -> None:
    newest = Vote.objects.filter(study=study).aggregate(newest=Max("pk"))["newest"]
    BoardState.objects.filter(study=study).update(settled_vote=newest, marked_vote=newest)
    update_sums(study)


def _strengths(n: int) -> Row:
    rng = np.random.default_rng(0)
    left = rng.integers(CONTENDERS, size=n)
    right = (left + rng.integers(1, CONTENDERS, size=n)) % CONTENDERS
    outcomes = (rng.random(n) > 1 / (1 + np.exp((right - left) / 25))).astype(np.intp)
    names = np.array([f"net-{one}" for one in range(CONTENDERS)])
    lefts, rights = names[left].tolist(), names[right].tolist()
    winners = [evalica.Winner.X if one == 0 else evalica.Winner.Y for one in outcomes]
    codes = {name: code for code, name in enumerate(names.tolist())}

    def ours() -> None:
        # From names, as the peer takes them.
        one = np.fromiter((codes[name] for name in lefts), dtype=np.intp, count=n)
        other = np.fromiter((codes[name] for name in rights), dtype=np.intp, count=n)
        fit_newton(count_comparisons(one, other, outcomes, CONTENDERS))

    def theirs() -> None:
        evalica.bradley_terry(lefts, rights, winners)

    functions: list[Callable[[], object]] = [ours, theirs]
    mine, peer = timed_in_turns(functions, 3)
    return at_most(f"Bradley–Terry, {n:,} comparisons, over evalica", mine, peer, "s", 1.0)


@contextmanager
def _database() -> Iterator[None]:
    """A database of its own."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
