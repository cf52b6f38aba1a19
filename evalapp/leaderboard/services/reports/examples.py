"""The pairs behind the numbers: most liked, most disliked, most disputed, and where the two at the top differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import F, FloatField, Func, QuerySet, Value
from django.db.models.functions import Abs, Cast

from evalapp.catalog.models import Item
from evalapp.leaderboard.domain.results import Board
from evalapp.studies.models import Nomination, Pair, Study

EACH = 6
"""Pairs per group."""
LEAST_VOTES = 3
"""A pair that fewer people judged is nobody's example."""

_ORDERS = (
    ("liked", "Most liked", "-share"),
    ("disliked", "Most disliked", "share"),
    ("disputed", "Most disputed", "lean"),
)


def examples_of(study: Study, board: Board) -> dict[str, Any]:
    """Groups of pairs with their counts, who put them first, and the keys of their pictures."""
    judged = _judged_pairs(study)
    groups: list[dict[str, Any]] = [
        {"key": key, "label": label, "pairs": list(judged.order_by(by, "-judgements", "pk")[:EACH])}
        for key, label, by in _ORDERS
    ]
    groups += _where_they_differ(study, board)
    _fill_in(groups)
    return {"groups": [group for group in groups if group["pairs"]], "least_votes": LEAST_VOTES}


def side_by_side_of(study: Study, board: Board) -> dict[str, Any]:
    """What two contenders answer to the same queries: the winner, or who is in front, against the next.

    Shown are the queries on which they differ and most people judged both answers, not those that look best.
    """
    first = board.decision.leader or next((one.contender for one in board.standings if one.is_rival), None)
    others = (one.contender for one in board.standings if one.is_rival and one.contender != first)
    second = next(others, None)
    if first is None or second is None:
        return {}
    choices = _first_choices(study, (first, second))
    judged = dict(_judged_pairs(study).order_by().values_list("pk", "judgements"))
    judged_twice = [
        (min(judged[first_pair], judged[second_pair]), first_pair, second_pair)
        for first_pair, second_pair in ((pairs.get(first), pairs.get(second)) for pairs in choices.values())
        if first_pair in judged and second_pair in judged and first_pair != second_pair
    ]
    judged_twice.sort(key=lambda row: (-row[0], row[1]))
    rows = _judged_pairs(study).in_bulk(
        [pk for _, first_pair, second_pair in judged_twice[:EACH] for pk in (first_pair, second_pair)]
    )
    rows_shown = [
        {"first": _pair_document(rows[first_pair], []), "second": _pair_document(rows[second_pair], [])}
        for _, first_pair, second_pair in judged_twice[:EACH]
    ]
    return {"first": first, "second": second, "rows": rows_shown} if rows_shown else {}


def _first_choices(study: Study, names: Sequence[str]) -> dict[int, dict[str, int]]:
    """The pair that each of these put first, by query."""
    choices: dict[int, dict[str, int]] = defaultdict(dict)
    firsts = Nomination.objects.filter(contender__study=study, contender__name__in=names, rank=1).order_by("pk")
    for name, pk, query in firsts.values_list("contender__name", "pair_id", "pair__query_id"):
        choices[query][name] = pk
    return choices


def _judged_pairs(study: Study) -> QuerySet[Any]:
    """Pairs with `judgements`, `share` of dope with one of each added (3 of 3 is less than 9 of 9), and `lean`."""
    votes = F("dope") + F("nope")
    share = Cast(F("dope") + 1, FloatField()) / Cast(votes + 2, FloatField())
    # How far from an even split, in standard errors: many votes on both sides are more of a dispute than two.
    spread = Func(Cast(votes, FloatField()), function="SQRT")
    return (
        Pair.objects.filter(study=study, slot__isnull=False)
        .annotate(judgements=votes)
        .filter(judgements__gte=LEAST_VOTES)
        .annotate(share=share, lean=(Abs(share - Value(0.5)) + Value(0.05)) / spread)
        .select_related(
            "query__item__picture", "query__item__cutout__picture", "candidate__picture", "candidate__cutout__picture"
        )
    )


def _where_they_differ(study: Study, board: Board) -> list[dict[str, Any]]:
    """The queries on which the crowd most clearly preferred the first choice of one of the two at the top."""
    top = [line.contender for line in board.standings if not line.control][:2]
    if len(top) < 2:
        return []
    judged = {pk: (dope, nope) for pk, dope, nope in _judged_pairs(study).order_by().values_list("pk", "dope", "nope")}
    choices = {
        query: {name: pk for name, pk in pairs.items() if pk in judged}
        for query, pairs in _first_choices(study, top).items()
    }
    groups = []
    for first, second in (top, top[::-1]):
        picked = _clearest_pairs(choices, judged, first, second)
        rows = _judged_pairs(study).in_bulk(picked)
        group = {
            "key": f"differ:{first}",
            "label": f"{first} found better than {second}",
            "one": first,
            "other": second,
        }
        groups.append({**group, "pairs": [rows[pk] for pk in picked], "versus": True})
    return groups


def _clearest_pairs(
    choices: dict[int, dict[str, int]], judged: dict[int, tuple[int, int]], first: str, second: str
) -> list[int]:
    """Pairs by turns: what `first` put first, what `second` did, for the queries with the widest gap between them where
    most people like what `first` found: of two that nobody likes, neither is found better."""
    shares = {pk: (dope + 1) / (dope + nope + 2) for pk, (dope, nope) in judged.items()}
    gaps = [
        (shares[pairs[first]] - shares[pairs[second]], pairs[first], pairs[second])
        for pairs in choices.values()
        if len(pairs) == 2 and pairs[first] != pairs[second]
    ]
    clear = sorted((gap for gap in gaps if gap[0] > 0 and shares[gap[1]] > 0.5), key=lambda gap: (-gap[0], gap[1]))[
        : EACH // 2
    ]
    return [pk for _, mine, theirs in clear for pk in (mine, theirs)]


def _fill_in(groups: Sequence[dict[str, Any]]) -> None:
    """Rows become what a page shows, with who put each pair first read in one statement."""
    pairs = [pair for group in groups for pair in group["pairs"]]
    names: dict[int, list[str]] = defaultdict(list)
    firsts = Nomination.objects.filter(pair__in={pair.pk for pair in pairs}, rank=1).order_by("contender_id")
    for pk, name in firsts.values_list("pair_id", "contender__name"):
        names[pk].append(name)
    for group in groups:
        group["pairs"] = [_pair_document(pair, names[pair.pk]) for pair in group["pairs"]]


def _pair_document(pair: Pair, contenders: list[str]) -> dict[str, Any]:
    return {
        "pair": pair.pk,
        "query": _item_document(pair.query.item),
        "candidate": _item_document(pair.candidate),
        "dope": pair.dope,
        "nope": pair.nope,
        "skip": pair.skip,
        "contenders": contenders,
    }


def _item_document(item: Item) -> dict[str, Any]:
    shown = item.shown
    size = {"width": shown.width, "height": shown.height}
    return {"key": item.key, "category": item.category, "picture": str(shown.public_id), **size}
