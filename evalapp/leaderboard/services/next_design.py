"""Publishing the next design: after every batch of votes the draw is aimed anew, in the background."""

from __future__ import annotations

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from evalapp.leaderboard.domain.results import DELTA
from evalapp.leaderboard.models import BoardBatch, BoardState
from evalapp.leaderboard.queries import Field, field_of, pair_counts, racing_of, strata_of
from evalapp.leaderboard.services.sums.accumulate import open_book, update_sums
from evalapp.leaderboard.services.sums.codec import pack_batch
from evalapp.leaderboard.services.sums.decisions import record_of, units_of
from evalapp.leaderboard.services.sums.stored_sums import Book
from evalapp.stats.decision import lacking_evidence, look_at
from evalapp.stats.designs import adaptive_design
from evalapp.stats.sums.contender_sums import FloatArray
from evalapp.stats.sums.epochs import Batch, design_bounds
from evalapp.stats.sums.vote_baselines import QUERY_PRIOR, shrunk_means
from evalapp.studies.models import SamplingMethod, Study, StudyMode
from evalapp.voting.services.designs import publish_design


def refresh_board(study: Study) -> int | None:
    """Bring the sums up to date and publish the next design if one is due; its version, None if none was."""
    state = update_sums(study, waits=False)
    if state is None or not study.is_open:
        return None
    with transaction.atomic():
        # Of two workers one publishes.
        state = BoardState.objects.select_for_update(skip_locked=True).filter(study=study).first()
        return None if state is None or not is_due(study, state) else _publish_next(study, state)


def is_due(study: Study, state: BoardState) -> bool:
    """Whether max(20, 1 %) votes have come since the last design was published, or a contender has entered."""
    last = BoardBatch.objects.filter(study=study).order_by("-version").first()
    if last is None or len(last.contenders) < study.contenders.count():
        return last is not None
    votes = round(open_book(study, state).evidence.votes)
    return votes - last.votes >= adaptive_design.batch_size(votes)


def _publish_next(study: Study, state: BoardState) -> int:
    book, field = open_book(study, state), field_of(study)
    aimed = _aim_draw(state, book)
    chances, method = _draw_chances(study, book, field, aimed)
    design = publish_design(study, field.pairs, chances, method=method)
    votes = round(book.evidence.votes)
    mean = float(shrunk_means(book.queries[1].sum(), book.queries[0].sum(), 0.5, QUERY_PRIOR))
    variance, reach, own_bounds = design_bounds(field.members, chances, field.queries)
    # Shown together, both candidates may speak at once.
    reach = reach * (1 if study.mode == StudyMode.SWIPE else 2)
    means = shrunk_means(book.queries[1], book.queries[0], mean, QUERY_PRIOR)
    batch = Batch(variance, reach, own_bounds, aimed.leader, aimed.closeness, mean, means, state.eras - 1)
    BoardBatch.objects.create(
        study=study,
        version=design.version,
        contenders=book.contenders,
        leader=batch.leader,
        mean=mean,
        era=batch.era,
        numbers=pack_batch(batch, field.positions),
        method=method,
        votes=votes,
    )
    book.close()
    book.state.save()
    return int(design.version)


def _aim_draw(state: BoardState, book: Book) -> adaptive_design.Aim:
    """The leader and the rival that needs most evidence until a decision, among unbeaten contenders in the race."""
    racing, record, scale = racing_of(book.contenders), record_of(state, book.contenders), units_of(book)
    look = look_at(book.evidence, scale, racing=racing, led=book.leaders_until(), margin=book.margin)
    standing = racing & ~record.beaten
    lacks = lacking_evidence(look, record, DELTA, book.margin)
    return adaptive_design.aim_design(book.evidence, standing if standing.any() else racing, lacks)


def _draw_chances(study: Study, book: Book, field: Field, aimed: adaptive_design.Aim) -> tuple[FloatArray, str]:
    warm = book.evidence.votes < adaptive_design.warm_start(len(book.contenders))
    if study.mode != StudyMode.SWIPE:
        # Approvals of two alternatives and grids are over opponents drawn so.
        return field.uniform_chances, SamplingMethod.UNIFORM.value
    if study.sampling == SamplingMethod.QUOTA:
        chances = adaptive_design.quota_design(_votes_of_pairs(field), field.places, field.queries)
    elif study.sampling == SamplingMethod.UNIFORM or warm:
        return field.uniform_chances, SamplingMethod.UNIFORM.value
    else:
        chances = adaptive_design.adaptive_design(field.members, field.places, field.queries, aimed)
    if study.sampling_strata:
        chances = adaptive_design.keep_strata(chances, strata_of(study), field.places)
    return chances / chances.sum(), study.sampling


def _votes_of_pairs(field: Field) -> NDArray[np.int64]:
    votes = pair_counts(field.pairs)
    return np.array([votes.get(int(pair), 0) for pair in field.pairs], dtype=np.int64)
