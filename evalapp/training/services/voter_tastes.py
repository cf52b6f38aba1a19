"""A voter's own taste: kept when a run has learnt it, shown to nobody but them, switched off by them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from evalapp.catalog.models import Item
from evalapp.core.domain.job_targets import is_target, target_id
from evalapp.studies.models import Study
from evalapp.training.models import TrainingRun, VoterTaste
from evalapp.training.queries.rounds import rounds_up_to
from evalapp.voting.models import Voter

VOTERS = "voters.json"
"""What the recipe `taste` leaves in the run's folder."""


@dataclass(frozen=True, slots=True)
class Matches:
    """A query and the items that suit the voter best, nearest first."""

    query: Item
    items: list[Item]


def note_tastes(run: TrainingRun) -> int:
    """Keep what the run learnt of each voter; those who were forgotten meanwhile are left out. How many there are."""
    path = run.workdir / VOTERS
    if not is_target("study", run.data) or not path.is_file():
        return 0
    record = json.loads(path.read_text(encoding="utf-8"))
    study = Study.objects.get(pk=target_id("study", run.data))
    people = Voter.objects.filter(pk__in=record["voters"], forgotten_at__isnull=True)
    voter_ids = {str(voter): voter for voter in people.values_list("pk", flat=True)}
    off = set(VoterTaste.objects.filter(switched_off=True).values_list("voter_id", flat=True))
    VoterTaste.objects.filter(run=run).delete()
    rows = [
        VoterTaste(
            run=run,
            study=study,
            voter_id=voter_ids[name],
            weights=dict(zip(record["blocks"], learnt["weights"], strict=True)),
            votes=learnt["votes"],
            matches=learnt["matches"],
            # Who said no once is not asked again by the next generation.
            switched_off=voter_ids[name] in off,
        )
        for name, learnt in record["voters"].items()
        if name in voter_ids
    ]
    VoterTaste.objects.bulk_create(rows, batch_size=500)
    # From now on it lies in the database only, where forgetting a person reaches it.
    path.unlink()
    return len(rows)


def taste_of(voter: Voter, study: Study) -> VoterTaste | None:
    """The newest that was learnt of this voter in the study or a round before it."""
    rounds = [earlier.pk for earlier in rounds_up_to(study)]
    # What was learnt is dropped by the clock; whoever was forgotten has no taste from that moment on.
    tastes = VoterTaste.objects.filter(voter=voter.pk, voter__forgotten_at=None, study__in=rounds)
    return tastes.order_by("-run").first()


def matches_of(taste: VoterTaste) -> list[Matches]:
    """What the voter is shown, without items that were removed since; in two queries."""
    keys = {key for query, candidates in taste.matches for key in (query, *candidates)}
    rows = Item.objects.filter(catalogue=taste.study.catalogue, key__in=keys, removed=False)
    items = {row.key: row for row in rows.select_related("picture", "cutout")}
    matches = [
        Matches(items[query], [items[key] for key in candidates if key in items])
        for query, candidates in taste.matches
        if query in items
    ]
    return [match for match in matches if match.items]


def switch_taste(voter: Voter, *, off: bool) -> None:
    """Have no taste of one's own from now on, or again; generations to come keep to it."""
    VoterTaste.objects.filter(voter=voter.pk).update(switched_off=off)


def forget_tastes() -> int:
    """Drop what was learnt of people who were forgotten since; how many."""
    return VoterTaste.objects.filter(voter__forgotten_at__isnull=False).delete()[0]
