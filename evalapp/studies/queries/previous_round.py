"""What a contender answered in the round before, as far as it may be carried over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalapp.catalog.models import Item
from evalapp.studies.models import Contender, Nomination, Study
from evalapp.studies.queries.galleries import gallery_items

Answer = list[tuple[int, float]]
"""Items and their distances, nearest first."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A contender's search of the round before: what it looked at, and whose label changed since."""

    contender: int
    searched: frozenset[int]
    relabelled: frozenset[int]

    def looked_at(self, item: int) -> bool:
        """Whether the item was searched then under the rules of now."""
        return item in self.searched and item not in self.relabelled

    def is_relabelled(self, item: int) -> bool:
        """Whether what hides the item, or what it hides, may be another now."""
        return item in self.relabelled

    def answers_to(self, items: Sequence[int]) -> dict[int, Answer]:
        """The answers to these query items, all in one statement; none for an item that was not answered."""
        rows = Nomination.objects.filter(contender=self.contender, pair__query__item__in=items).order_by("rank")
        answers: dict[int, Answer] = {}
        for query, candidate, distance in rows.values_list("pair__query__item_id", "pair__candidate_id", "distance"):
            if distance is not None:
                answers.setdefault(query, []).append((candidate, distance))
        return answers


def earlier_round(study: Study, contender: Contender) -> Earlier | None:
    """The same way to answer in the round before, if the rules are the same and it was searched."""
    before = study.previous
    if study.exclude == "once":
        # What was not the nearest picture of its product then is not stored, and may be it now.
        return None
    if before is None or (before.top_k, before.exclude) != (study.top_k, study.exclude):
        return None
    twin = before.contenders.filter(embedding=contender.embedding, metric=contender.metric).first()
    if twin is None or not Nomination.objects.filter(contender=twin).exists():
        return None
    searched = frozenset(gallery_items(before.pk)) - set(twin.absent)
    return Earlier(twin.pk, searched, _relabelled_since(study, before))


def _relabelled_since(study: Study, before: Study) -> frozenset[int]:
    """Items whose labels changed between the rounds, where labels decide who may answer whom."""
    if study.exclude == "none":
        return frozenset()
    changed = Item.objects.filter(catalogue=study.catalogue_id, version__gt=before.catalogue_version)
    return frozenset(changed.values_list("pk", flat=True))
