"""What contenders answer: nominations, the pairs that they make, and the slots in which people are shown them."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from evalapp.studies.models import Contender, Study


@dataclass(frozen=True, slots=True)
class Nominated:
    """A line of a contender's answers: query row, candidate item, rank from 1, distance or None."""

    query: int
    candidate: int
    rank: int
    distance: float | None


def record_nominations(contender: Contender, queries: Sequence[int], answers: Iterable[Nominated]) -> None:
    """Write a contender's answers to these queries as pairs, one per distinct (query, candidate), and nominations.

    Repeatable: answers that are the same stay as they are, others take the place of what was there. Pairs are
    inserted in one fixed order, so that workers that write the same pairs at the same time wait for each other
    instead of deadlocking.
    """
    lines = io.StringIO()
    for answer in answers:
        distance = r"\N" if answer.distance is None else repr(answer.distance)
        lines.write(f"{answer.query}\t{answer.candidate}\t{answer.rank}\t{distance}\n")
    lines.seek(0)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE answer (query_id bigint, candidate_id bigint, rank smallint, distance float8)"
        )
        cursor.copy_expert("COPY answer FROM STDIN", lines)
        cursor.execute(
            "INSERT INTO studies_pair (study_id, query_id, candidate_id, dope, nope, skip)"
            " SELECT %s, query_id, candidate_id, 0, 0, 0 FROM answer ORDER BY query_id, candidate_id"
            " ON CONFLICT (query_id, candidate_id) DO NOTHING",
            [contender.study_id],
        )
        cursor.execute(
            "INSERT INTO studies_nomination (pair_id, contender_id, rank, distance)"
            " SELECT pair.id, %s, answer.rank, answer.distance FROM answer"
            " JOIN studies_pair pair USING (query_id, candidate_id)"
            " ON CONFLICT (contender_id, pair_id) DO UPDATE SET rank = excluded.rank, distance = excluded.distance",
            [contender.pk],
        )
        cursor.execute(
            "DELETE FROM studies_nomination nomination USING studies_pair pair"
            " WHERE pair.id = nomination.pair_id AND nomination.contender_id = %s AND pair.query_id = ANY(%s)"
            " AND NOT EXISTS (SELECT 1 FROM answer WHERE answer.query_id = pair.query_id"
            " AND answer.candidate_id = pair.candidate_id)",
            [contender.pk, list(queries)],
        )
        cursor.execute("DROP TABLE answer")


def note_absent(contender: Contender, items: Collection[int]) -> None:
    """Remember gallery items that had no vector when neighbours were searched: a later round must look at them."""
    if items:
        with transaction.atomic():
            row = Contender.objects.select_for_update().only("absent").get(pk=contender.pk)
            row.absent = sorted({*row.absent, *items})
            row.save(update_fields=["absent"])


def deal_slots(study: Study) -> None:
    """Give every first choice a slot of its query, in an order that tells nothing, and count the slots.

    Repeatable: the order depends on the seed and the items' keys only. What is no first choice any more loses its slot.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE TEMPORARY TABLE dealt AS
            SELECT pair.id, row_number() OVER (
                PARTITION BY pair.query_id ORDER BY md5(%(seed)s || '/' || asked.key || '/' || item.key)
            ) - 1 AS slot
            FROM studies_pair pair
            JOIN catalog_item item ON item.id = pair.candidate_id
            JOIN studies_query query ON query.id = pair.query_id
            JOIN catalog_item asked ON asked.id = query.item_id
            WHERE pair.study_id = %(study)s AND EXISTS (
                SELECT 1 FROM studies_nomination nomination
                WHERE nomination.pair_id = pair.id AND nomination.rank = 1
            )
            """,
            {"seed": str(study.seed), "study": study.pk},
        )
        # First those that move let go of their slots: no two pairs of a query may hold one, not even for a moment.
        cursor.execute(
            "UPDATE studies_pair AS pair SET slot = NULL WHERE study_id = %s AND slot IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM dealt WHERE dealt.id = pair.id AND dealt.slot = pair.slot)",
            [study.pk],
        )
        cursor.execute(
            "UPDATE studies_pair AS pair SET slot = dealt.slot FROM dealt"
            " WHERE dealt.id = pair.id AND pair.slot IS NULL"
        )
        cursor.execute("DROP TABLE dealt")
        cursor.execute(
            """
            UPDATE studies_query AS query SET slots = counted.slots
            FROM (SELECT query_id, count(slot) AS slots FROM studies_pair WHERE study_id = %s GROUP BY query_id) counted
            WHERE counted.query_id = query.id
            """,
            [study.pk],
        )
