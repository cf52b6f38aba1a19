"""Making studies, writing nominations, opening and closing."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.contenders.queries import parse_contender
from evalapp.contenders.services import ensure_embedding
from evalapp.core.errors import Conflict, InvalidInput
from evalapp.studies.models import (
    BoardVisibility,
    Contender,
    Evaluation,
    Gallery,
    Query,
    SamplingMethod,
    Study,
    StudyMode,
    StudyState,
)
from evalapp.studies.services.choice import choose_gallery, choose_queries
from evalapp.webhooks.events import STUDY_CLOSED
from evalapp.webhooks.services import announce

CONTROL = "control"
MOST_GALLERY = 20_000
MOST_QUERIES = 1_000
"""What a study takes when it is not told: the size of the original's experiment."""
MOST_SHARE = 0.5
"""No more of the stream than this may be pairs with a known answer, and as much repeats."""

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study is made from. `gallery` and `queries` are numbers of items; None takes the usual."""

    slug: str
    catalogue: Catalogue
    contenders: Sequence[str]
    gallery: int | None = None
    queries: int | None = None
    top_k: int = 10
    exclude: str = "none"
    gallery_domain: str = ""
    query_domain: str = ""
    control: bool = True
    seed: int = 0
    title: str = ""
    question: str = "Do these two match?"
    board: str = BoardVisibility.PRIVATE
    mode: str = StudyMode.SWIPE
    random_sides: bool = False
    sampling: str = SamplingMethod.ADAPTIVE
    sampling_strata: bool = False
    training_pictures: bool = False
    gold_share: float = 0.05
    repeat_share: float = 0.02


def create_study(plan: StudyPlan) -> Study:
    """A draft study: contenders, and a seeded choice of gallery and queries. Nothing is computed yet.

    The choice depends on the seed and on the keys of the catalogue's items alone, so that it can be repeated
    elsewhere. Raises InvalidInput for words that are off, Conflict if the slug is taken.
    """
    _check(plan)
    words = [parse_contender(text) for text in plan.contenders]
    names = [word.name for word in words]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InvalidInput(f"{', '.join(doubled)} is named twice.")
    gallery, queries = _choose(plan, [word.model.pk for word in words])
    try:
        with transaction.atomic():
            study = _write_study(plan)
            Gallery.objects.create(study=study, items=gallery)
            Query.objects.bulk_create(
                [Query(study=study, item_id=item, position=position) for position, item in enumerate(queries)],
                batch_size=2000,
            )
            for word in words:
                embedding = ensure_embedding(word.model, word.tap, plan.catalogue)
                Contender.objects.create(study=study, name=word.name, embedding=embedding, metric=word.metric)
            if plan.control:
                Contender.objects.create(study=study, name=CONTROL)
    except IntegrityError as error:
        raise Conflict(f"There is a study {plan.slug} already; choose another name.") from error
    return study


def _check(plan: StudyPlan) -> None:
    if not _SLUG.fullmatch(plan.slug):
        raise InvalidInput(f"{plan.slug!r} cannot stand in an address; use small letters, digits and dashes.")
    if not plan.contenders:
        raise InvalidInput("A study needs at least one --contender MODEL.TAP:METRIC.")
    for name in ("gallery", "queries", "top_k"):
        number = getattr(plan, name)
        if number is not None and number < 1:
            raise InvalidInput(f"--{name.replace('_', '-')} must be at least 1.")
    if plan.top_k > 1000:
        raise InvalidInput("--top-k is at most 1000.")
    if not 0 <= plan.seed < 2**63:
        raise InvalidInput("--seed must be a whole number from 0.")
    if plan.mode not in StudyMode.values:
        raise InvalidInput(f"{plan.mode!r} is not a mode; choose one of {', '.join(StudyMode.values)}.")
    for name in ("gold_share", "repeat_share"):
        if not 0 <= getattr(plan, name) <= MOST_SHARE:
            raise InvalidInput(f"--{name.replace('_', '-')} must be between 0 and {MOST_SHARE}.")


def _choose(plan: StudyPlan, models: Collection[int]) -> tuple[list[int], list[int]]:
    """Ids of the gallery, in the order of their keys, and of the queries, in a random order.

    None is a picture that one of the models was trained on, unless the operator insists.
    """
    unseen_by = () if plan.training_pictures else models
    if plan.gallery == 1:
        raise InvalidInput("--gallery must be at least 2: a picture is never its own neighbour.")
    gallery = choose_gallery(plan.catalogue, plan.gallery_domain, plan.gallery or MOST_GALLERY, plan.seed, unseen_by)
    if len(gallery) < 2:
        if unseen_by and len(choose_gallery(plan.catalogue, plan.gallery_domain, 2, plan.seed)) == 2:
            raise InvalidInput(
                f"The contenders were trained on all but {len(gallery)} items of {plan.catalogue}: import pictures "
                "that they have not seen, or insist with --allow-training-pictures (the board will say so)."
            )
        where = f" of the domain {plan.gallery_domain!r}" if plan.gallery_domain else ""
        raise InvalidInput(f"The catalogue {plan.catalogue} has {len(gallery)} items{where}; a study needs at least 2.")
    count = plan.queries or MOST_QUERIES
    queries = choose_queries(plan.catalogue, plan.query_domain, gallery, count, plan.seed, unseen_by=unseen_by)
    if not queries:
        raise InvalidInput(f"The catalogue {plan.catalogue} has no items of the domain {plan.query_domain!r}.")
    return gallery, queries


def _write_study(plan: StudyPlan) -> Study:
    return Study.objects.create(
        slug=plan.slug,
        title=plan.title or plan.slug.replace("-", " ").capitalize(),
        question=plan.question,
        catalogue=plan.catalogue,
        catalogue_version=plan.catalogue.version,
        seed=plan.seed,
        gallery_size=plan.gallery,
        query_count=plan.queries,
        gallery_domain=plan.gallery_domain,
        query_domain=plan.query_domain,
        top_k=plan.top_k,
        exclude=plan.exclude,
        board=plan.board,
        mode=plan.mode,
        random_sides=plan.random_sides,
        sampling=plan.sampling,
        sampling_strata=plan.sampling_strata,
        training_pictures=plan.training_pictures,
        gold_share=plan.gold_share,
        repeat_share=plan.repeat_share,
    )


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


def mark_ready(study: Study) -> None:
    """A draft whose pairs are there may be opened."""
    Study.objects.filter(pk=study.pk, state=StudyState.DRAFT).update(state=StudyState.READY)


def open_study(study: Study) -> None:
    """Let people vote; a study that is open already stays as it is. Raises Conflict while there are no pairs."""
    same = Study.objects.filter(pk=study.pk)
    openable = same.filter(state__in=[StudyState.READY, StudyState.CLOSED])
    opened = openable.update(state=StudyState.OPEN, opened_at=timezone.now(), closed_at=None)
    if not opened and not same.filter(state=StudyState.OPEN).exists():
        raise Conflict(f"{study} has no pairs yet; run: python manage.py precompute {study} --wait")


def close_study(study: Study) -> None:
    """End the voting; what was cast stays. Raises Conflict if the study is not open."""
    with transaction.atomic():
        still_open = Study.objects.filter(pk=study.pk, state=StudyState.OPEN)
        if not still_open.update(state=StudyState.CLOSED, closed_at=timezone.now()):
            raise Conflict(f"{study} is not open.")
        announce(STUDY_CLOSED, {"study": study.slug})


def change_study(
    study: Study, *, title: str | None = None, question: str | None = None, board: str | None = None
) -> None:
    """Give a study other words, or its board other viewers. What is None stays.

    Raises Conflict for another question once people were asked, InvalidInput for words that are off.
    """
    given = {"title": title, "question": question, "board": board}
    changes = {name: value.strip() for name, value in given.items() if value is not None}
    if empty := [name for name, value in changes.items() if not value]:
        raise InvalidInput(f"The {empty[0]} must not be empty.", fields={name: ["It is empty."] for name in empty})
    if changes.get("board", BoardVisibility.PRIVATE) not in BoardVisibility.values:
        raise InvalidInput(f"A board is {', '.join(BoardVisibility.values)}; {board!r} is none of them.")
    if study.opened_at is not None and changes.get("question", study.question) != study.question:
        raise Conflict(f"{study} was opened: its votes answer the question that was put. Start another study.")
    for name, value in changes.items():
        setattr(study, name, value)
    study.save(update_fields=list(changes))


def archive_contender(contender: Contender) -> None:
    """Take a contender out of the race. Its votes stay and its line can still be seen; it is never deleted."""
    Contender.objects.filter(pk=contender.pk, archived_at=None).update(archived_at=timezone.now())


def return_contender(contender: Contender) -> None:
    """Let an archived contender take part again."""
    Contender.objects.filter(pk=contender.pk).update(archived_at=None)


def store_evaluation(study: Study, document: dict[str, Any]) -> None:
    """Keep the automatic scores; those of before give way."""
    Evaluation.objects.update_or_create(study=study, defaults={"document": document, "made_at": timezone.now()})
