"""Triplets that votes claim, for people to check before anything is learnt from them."""

from __future__ import annotations

from collections import defaultdict

from django.db.models import F

from evalapp.catalog.models import Item
from evalapp.catalog.queries import unflagged
from evalapp.catalog.services.triplets import Claim, check_number, propose_triplets
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.services.deeds import recorded
from evalapp.studies.models import Pair, Study
from evalapp.studies.services.pair_flags import flagged_pairs


@recorded("proposed triplets", "study {study}", "{result:,} new")
def propose_from_votes(study: Study, number: int) -> int:
    """Put up to `number` triplets of the study's votes into its catalogue's queue; returns how many are new.

    The anchor is a query, the positive a candidate that more people liked than noped, the negative one that more
    noped than liked; the clearest come first, every candidate once. Raises InvalidInput where votes claim nothing.
    """
    check_number(number)
    claims = _claims_of_votes(study)
    if not claims:
        raise InvalidInput(
            f"The votes of {study} claim no triplet: a query with one candidate that people like and one that they do "
            "not is needed."
        )
    return propose_triplets(study.catalogue, claims[:number], f"study:{study.slug}")


def _claims_of_votes(study: Study) -> list[Claim]:
    usable = unflagged(Item.objects.filter(catalogue=study.catalogue_id, removed=False)).values("pk")
    pairs = Pair.objects.filter(study=study, query__item__in=usable, candidate__in=usable)
    decided = pairs.exclude(dope=F("nope")).exclude(pk__in=flagged_pairs(study)).order_by("pk")
    liked: dict[int, list[tuple[int, int]]] = defaultdict(list)
    noped: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for query, candidate, dope, nope in decided.values_list("query__item", "candidate", "dope", "nope"):
        (liked if dope > nope else noped)[query].append((abs(dope - nope), candidate))
    ranked: list[tuple[int, Claim]] = []
    for query, best in liked.items():
        both = zip(sorted(best, reverse=True), sorted(noped[query], reverse=True), strict=False)
        ranked += [(min(a, b), (query, near, far)) for (a, near), (b, far) in both]
    ranked.sort(key=lambda entry: (-entry[0], entry[1]))
    return [claim for _, claim in ranked]
