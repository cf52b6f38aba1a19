"""Publishing a design: from now on pairs are drawn by it."""

from __future__ import annotations

import numpy as np
from django.db import transaction
from django.db.models import Max
from numpy.typing import NDArray

from evalapp.core.domain.errors import InvalidInput
from evalapp.studies.models import Pair, Study
from evalapp.voting.models import Design

_ROUNDING = 1e-9


def publish_design(
    study: Study, pairs: NDArray[np.int64], probabilities: NDArray[np.float64], *, method: str
) -> Design:
    """Keep `probabilities[k]` of drawing the pair with id `pairs[k]` as the study's next design.

    Every pair of the study that can be shown has to be named once, with a probability above 0, and together they sum
    to 1: without a chance for each pair the weighted estimates are wrong. Web processes take it up within seconds.
    Raises InvalidInput.
    """
    if pairs.shape != probabilities.shape or pairs.ndim != 1:
        raise InvalidInput("A design has one probability for each pair.")
    if not (np.isfinite(probabilities).all() and (probabilities > 0).all()):
        raise InvalidInput("Every probability of a design must be above 0.")
    if abs(float(probabilities.sum()) - 1) > _ROUNDING:
        raise InvalidInput("The probabilities of a design must sum to 1.")
    slots = np.fromiter(
        Pair.objects.filter(study=study, slot__isnull=False).values_list("pk", flat=True).iterator(), dtype=np.int64
    )
    if len(pairs) != len(slots) or not np.array_equal(np.sort(pairs), np.sort(slots)):
        raise InvalidInput("A design must name each pair of the study that can be shown once, and no other.")
    with transaction.atomic():
        # Two designs published at once get two versions.
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        last = Design.objects.filter(study=study).aggregate(last=Max("version"))["last"] or 0
        return Design.objects.create(
            study=study,
            version=last + 1,
            method=method,
            pairs=pairs.astype("<i8").tobytes(),
            probabilities=probabilities.astype("<f8").tobytes(),
        )
