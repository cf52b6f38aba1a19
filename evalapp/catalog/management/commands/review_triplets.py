"""`manage.py review_triplets CATALOGUE [--by NAME] [--accept ID …] [--reject ID …] [--take-back] [--decisions]`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from evalapp.catalog.models import Catalogue, Triplet, TripletState
from evalapp.catalog.queries import catalogue_named
from evalapp.catalog.services import triplets
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage


class Command(BaseCommand):
    help = (
        "Accept or reject triplets that labels or votes claim; without any, show the next that waits, and who decided."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("--by", default="", metavar="NAME", help="the operator in whose name, as in the lab")
        parser.add_argument("--accept", type=int, nargs="+", default=[], metavar="ID")
        parser.add_argument("--reject", type=int, nargs="+", default=[], metavar="ID")
        parser.add_argument(
            "--take-back", type=int, nargs="*", metavar="ID", help="these wait again; the last of NAME if none is named"
        )
        parser.add_argument("--decisions", action="store_true", help="list what was decided, by whom and when")
        parser.add_argument("--after", type=int, default=0, metavar="ID", help="only decisions on later triplets")
        parser.add_argument("--limit", type=int, default=1000, help="decisions to list at most, 1000 if left out")

    def run(self, **options: Any) -> Any:
        catalogue, by = catalogue_named(options["catalogue"]), options["by"]
        decisions = [
            *((one, TripletState.ACCEPTED) for one in options["accept"]),
            *((one, TripletState.REJECTED) for one in options["reject"]),
            *((one, TripletState.PROPOSED) for one in _taken_back(catalogue, options["take_back"], by)),
        ]
        _check_decisions(decisions, by)
        with transaction.atomic():  # all of them or none
            for triplet, state in decisions:
                triplets.decide_triplet(catalogue, triplet, state, by=by)
        waiting = triplets.next_triplet(catalogue, by)
        document: dict[str, Any] = {
            "catalogue": catalogue.slug,
            "counts": triplets.triplet_counts(catalogue),
            "reviewers": triplets.reviewer_counts(catalogue),
            "next": _keys_of_triplet(waiting) if waiting else None,
        }
        self.say(", ".join(f"{number:,} {state}" for state, number in document["counts"].items()))
        for name, number in document["reviewers"].items():
            self.say(f"{number:>8,} by {name or 'nobody in particular'}")
        if options["decisions"]:
            document["decisions"] = self._list_decisions(catalogue, options["after"], options["limit"])
        elif waiting:
            self.say("Next: {id}: is {anchor} nearer to {positive} than to {negative}?".format_map(document["next"]))
        return document

    def _list_decisions(self, catalogue: Catalogue, after: int, limit: int) -> list[dict[str, Any]]:
        rows = triplets.decided_after(catalogue, after, limit)
        documents = [
            _keys_of_triplet(row)
            | {
                "proposed_from": row.source,
                "state": row.state,
                "decided_by": row.decided_by,
                "decided_at": row.decided_at.isoformat() if row.decided_at else "",
            }
            for row in rows
        ]
        for row in documents:
            self.say("{id:>8} {state:8} {anchor} {positive} {negative} {decided_by} {decided_at}".format_map(row))
        return documents


def _taken_back(catalogue: Catalogue, triplet_ids: list[int] | None, by: str) -> list[int]:
    """The triplets that are to wait again: those named, or the last of this operator."""
    if triplet_ids is None or triplet_ids:
        return triplet_ids or []
    last = triplets.last_decided(catalogue, by) if by else None
    if last is None:
        raise InvalidInput(f"{by or 'Nobody'} has decided no triplet of {catalogue} that could be taken back.")
    return [last.pk]


def _check_decisions(decisions: list[tuple[int, TripletState]], by: str) -> None:
    """Raise Usage or InvalidInput for decisions that are not clear, or in nobody's name."""
    triplet_ids = [triplet for triplet, _ in decisions]
    if len(set(triplet_ids)) < len(triplet_ids):
        raise Usage("A triplet was named twice; decide it one way.")
    if decisions and not by:
        raise Usage("Say in whose name: --by NAME.")
    if by and not get_user_model().objects.filter(username=by, is_staff=True, is_active=True).exists():
        raise InvalidInput(f"There is no operator {by}; create_operator {by} makes one.")


def _keys_of_triplet(triplet: Triplet) -> dict[str, Any]:
    roles = {role: getattr(triplet, role).key for role in ("anchor", "positive", "negative")}
    return {"id": triplet.pk, **roles}
