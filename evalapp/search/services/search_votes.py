"""Votes of the kind `search`: in a study of the index's own, which is never opened, so that exports and training find
them and no board does."""

from __future__ import annotations

from django.utils import timezone

from evalapp.search.domain.question_token import Shown
from evalapp.search.models import SearchIndex
from evalapp.search.queries.gallery import gallery_items
from evalapp.studies.models import BoardVisibility, Contender, Gallery, Nomination, Pair, Query, Study, StudyState
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import Correction, Exposure, ExposureKind, Vote, Voter


def cast_search_vote(
    index: SearchIndex, voter: Voter, asked: int, shown: Shown, rank: int, verdict: str
) -> Exposure | None:
    """A vote on the pair of what was searched with and an answer, with the rank and propensity it was shown with.

    A voter judges a pair once, in however many searches it comes; None where they have before. The caller is in a
    transaction.
    """
    study = study_of(index)
    pair = _pair_of_answer(index, study, asked, shown, rank)
    now = timezone.now()
    exposure, _ = Exposure.objects.get_or_create(
        voter=voter,
        pair=pair,
        defaults={
            "study": study,
            "kind": ExposureKind.SEARCH,
            "propensity": shown.propensity,
            "served_at": now,
            "leased_until": now,
            "answered_at": now,
        },
    )
    if Vote.objects.filter(exposure=exposure).exclude(void_reason=UNDONE).exists():
        return None
    Vote.objects.create(
        exposure=exposure,
        study=study,
        pair=pair,
        voter=voter,
        verdict=verdict,
        counted=voter.blocked_at is None,
        void_reason=voter.block_reason,
        voted_at=now,
    )
    return exposure


def take_back_search_vote(exposure: Exposure) -> None:
    """The vote stays as a row that does not count. The caller is in a transaction."""
    standing = Vote.objects.filter(exposure=exposure).exclude(void_reason=UNDONE)
    now = timezone.now()
    Correction.objects.bulk_create(
        Correction(vote=vote, study_id=vote.study_id, counted=False, reason=UNDONE, created_at=now)
        for vote in standing.filter(counted=True)
    )
    standing.update(counted=False, void_reason=UNDONE)
    Exposure.objects.filter(pk=exposure.pk).update(taken_back=exposure.taken_back + 1)


def study_of(index: SearchIndex) -> Study:
    """The study that holds what people say to the index's answers, made when the first of them speaks.

    Locked until the caller's transaction ends: queries get their positions one after the other.
    """
    locked_index = SearchIndex.objects.select_for_update(of=("self",)).select_related("study").get(pk=index.pk)
    if locked_index.study is None:
        locked_index.study = _new_study(index)
        locked_index.save(update_fields=["study"])
    return locked_index.study


def _new_study(index: SearchIndex) -> Study:
    study = Study.objects.create(
        slug=_free_slug(f"search-{index.slug}"),
        title=f"What people said to searches in {index.slug}",
        catalogue=index.catalogue,
        catalogue_version=index.catalogue.version,
        seed=0,
        top_k=1,
        gold_share=0.0,
        repeat_share=0.0,
        state=StudyState.READY,
        board=BoardVisibility.PRIVATE,
    )
    items = list(gallery_items(index).order_by("pk").values_list("pk", flat=True))
    Gallery.objects.create(study=study, items=items)
    Contender.objects.create(
        study=study,
        name=f"{index.embedding.model.name}.{index.embedding.tap}:{index.metric}",
        embedding=index.embedding,
        metric=index.metric,
    )
    return study


def _free_slug(base: str) -> str:
    slug, number = base[:70], 1
    while Study.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base[:70]}-{number}"
    return slug


def _pair_of_answer(index: SearchIndex, study: Study, query_item: int, shown: Shown, rank: int) -> Pair:
    query = Query.objects.filter(study=study, item=query_item).first()
    if query is None:
        query = Query.objects.create(study=study, item_id=query_item, position=study.queries.count())
    pair, is_new = Pair.objects.get_or_create(study=study, query=query, candidate_id=shown.item)
    if is_new:
        contender = Contender.objects.filter(study=study, embedding=index.embedding).order_by("pk").first()
        if contender is not None:
            Nomination.objects.create(pair=pair, contender=contender, rank=rank, distance=shown.distance)
    gallery = Gallery.objects.select_for_update().get(study=study)
    if missing := sorted({query_item, shown.item} - set(gallery.items)):
        # What came after the study was made belongs to it as well: training reads the gallery.
        gallery.items = [*gallery.items, *missing]
        gallery.save(update_fields=["items"])
    return pair
