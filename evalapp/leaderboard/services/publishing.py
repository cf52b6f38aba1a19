"""Publishing the next design: after every batch of votes the draw is aimed anew, in the background."""

from __future__ import annotations

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from evalapp.leaderboard.models import BoardBatch, BoardState
from evalapp.leaderboard.packing import pack_batch
from evalapp.leaderboard.queries import Field, field_of, pair_counts, racing_of, strata_of
from evalapp.leaderboard.services.crediting import open_book, update_sums
from evalapp.leaderboard.services.ledger import Book
from evalapp.stats import sampler
from evalapp.stats.baselines import QUERY_PRIOR, shrunk_means
from evalapp.stats.batches import Batch, bounds
from evalapp.stats.evidence import FloatArray
from evalapp.studies.models import SamplingMethod, Study, StudyMode
from evalapp.voting.services.designs import publish_design


def refresh_board(study: Study) -> int | None:
    """Bring the sums up to date and publish the next design if one is due; its version, None if none was."""
    state = update_sums(study)
    if state is None or not study.is_open or study.mode != StudyMode.SWIPE:
        # Two alternatives and grids are drawn uniformly: their approvals are over opponents drawn so.
        return None
    with transaction.atomic():
        # Of two workers one publishes.
        state = BoardState.objects.select_for_update(skip_locked=True).filter(study=study).first()
        return None if state is None or not is_due(study, state) else _publish(study, state)


def is_due(study: Study, state: BoardState) -> bool:
    """Whether max(20, 1 %) votes have come since the last design was published, or a contender has entered."""
    last = BoardBatch.objects.filter(study=study).order_by("-version").first()
    if last is None or len(last.contenders) < study.contenders.count():
        return last is not None
    votes = round(open_book(study, state).evidence.votes)
    return votes - last.votes >= sampler.batch_size(votes)


def _publish(study: Study, state: BoardState) -> int:
    book, field = open_book(study, state), field_of(study)
    aimed = sampler.aim(book.evidence, racing_of(book.contenders))
    chances, method = _chances(study, book, field, aimed)
    design = publish_design(study, field.pairs, chances, method=method)
    votes = round(book.evidence.votes)
    mean = float(shrunk_means(book.queries[1].sum(), book.queries[0].sum(), 0.5, QUERY_PRIOR))
    variance, reach, own = bounds(field.members, chances, field.queries)
    means = shrunk_means(book.queries[1], book.queries[0], mean, QUERY_PRIOR)
    batch = Batch(variance, reach, own, aimed.leader, aimed.closeness, mean, means, state.eras - 1)
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


def _chances(study: Study, book: Book, field: Field, aimed: sampler.Aim) -> tuple[FloatArray, str]:
    warm = book.evidence.votes < sampler.warm_start(len(book.contenders))
    if study.sampling == SamplingMethod.QUOTA:
        chances = sampler.quota_design(_counts(field), field.places, field.queries)
    elif study.sampling == SamplingMethod.UNIFORM or warm:
        return field.uniform, SamplingMethod.UNIFORM.value
    else:
        chances = sampler.adaptive_design(field.members, field.places, field.queries, aimed)
    if study.sampling_strata:
        chances = sampler.keep_strata(chances, strata_of(study), field.places)
    return chances / chances.sum(), study.sampling


def _counts(field: Field) -> NDArray[np.int64]:
    votes = pair_counts(field.pairs)
    return np.array([votes.get(int(pair), 0) for pair in field.pairs], dtype=np.int64)
