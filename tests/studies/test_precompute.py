"""From a draft to pairs, in this process; the journeys do it with real workers."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

from evalapp.catalog.models import Catalogue, Item
from evalapp.contenders.models import Embedding, EmbeddingModel
from evalapp.contenders.pipeline import embeddings
from evalapp.core import queries
from evalapp.core.models import Chunk, JobState
from evalapp.core.pipeline import chunk_work
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Nomination, Pair, Study, StudyState
from evalapp.studies.services import StudyPlan, create_study, open_study
from evalapp.studies.services.offline_scores import evaluation_document

pytestmark = [pytest.mark.django_db, pytest.mark.database]

CONTENDERS = ["colours:l1", "colours:l2", "colours:cosine", "colours:hamming"]


def _compute(study: Study) -> queries.Progress:
    job = request_job("precompute", f"study:{study.pk}")
    while chunk_work.work_on(job.pk, seconds=60):
        pass
    study.refresh_from_db()
    return queries.progress_of(job.pk)


@pytest.fixture
def study(cards: Catalogue) -> Study:
    return create_study(StudyPlan(slug="match", catalogue=cards, contenders=CONTENDERS, top_k=3, seed=2))


def _nominations(study: Study) -> dict[tuple[str, int], list[tuple[int, int, float | None]]]:
    found: dict[tuple[str, int], list[tuple[int, int, float | None]]] = defaultdict(list)
    rows = Nomination.objects.filter(pair__study=study).order_by("rank")
    for name, query, candidate, rank, distance in rows.values_list(
        "contender__name", "pair__query__item_id", "pair__candidate_id", "rank", "distance"
    ):
        found[name, query].append((rank, candidate, distance))
    return found


def test_every_contender_nominates_its_nearest_for_every_query(study: Study) -> None:
    assert _compute(study).state == JobState.DONE
    assert study.state == StudyState.READY
    found = _nominations(study)

    for query in study.queries.all():
        for name in CONTENDERS:
            answers = found[name, query.item_id]
            assert [rank for rank, _, _ in answers] == [1, 2, 3]
            distances = [distance for _, _, distance in answers]
            assert distances == sorted(distances, key=float)  # type: ignore[arg-type]
            assert query.item_id not in {candidate for _, candidate, _ in answers}
        assert len(found["control", query.item_id]) == 1


def test_the_nearest_are_those_of_a_plain_loop_over_the_vectors(study: Study) -> None:
    _compute(study)
    model = EmbeddingModel.objects.get()
    ids = list(Item.objects.order_by("key").values_list("pk", flat=True))
    keys = [content.key for content in embeddings.contents(model, ids)]
    vectors = embeddings.folder_of(model, "embedding").reader(keys).rows(0, len(ids)).astype(np.float64)
    found = _nominations(study)
    for row, item in enumerate(ids):
        distances = np.abs(vectors - vectors[row]).sum(axis=1)
        distances[row] = np.inf
        nearest = np.argsort(distances, kind="stable")[:3]
        assert [candidate for _, candidate, _ in found["colours:l1", item]] == [ids[n] for n in nearest]


def test_one_vector_for_all_answers_by_lot_and_not_with_the_first_of_the_catalogue(
    cards: Catalogue, tmp_path: Path
) -> None:
    keys = list(cards.items.order_by("key").values_list("key", flat=True))
    np.save(tmp_path / "same.npy", np.ones((len(keys), 4), dtype=np.float32))
    (tmp_path / "same.keys.txt").write_text("\n".join(keys) + "\n", encoding="utf-8")
    call_command("register_model", f"vectors:{tmp_path / 'same.npy'}", name="same")
    plan = StudyPlan(slug="lots", catalogue=cards, contenders=["same:cosine", "same:l2", "colours:l1"], top_k=3, seed=2)
    study = create_study(plan)
    _compute(study)

    found = _nominations(study)

    first = {item: found["same:cosine", item][0][1] for item in study.queries.values_list("item_id", flat=True)}
    assert len(set(first.values())) > len(first) / 3
    assert all(found["same:l2", item][0][1] == candidate for item, candidate in first.items())


def test_contenders_that_agree_share_one_pair(study: Study) -> None:
    _compute(study)
    pairs = list(Pair.objects.filter(study=study).values_list("query_id", "candidate_id"))
    assert len(pairs) == len(set(pairs))
    assert Nomination.objects.filter(pair__study=study, rank=1).count() > Pair.objects.filter(slot__gte=0).count()


def test_only_first_choices_get_a_slot_and_slots_are_dense(study: Study) -> None:
    _compute(study)
    for query in study.queries.all():
        slots = sorted(query.pairs.filter(slot__isnull=False).values_list("slot", flat=True))
        assert slots == list(range(query.slots))
        first = set(query.pairs.filter(nominations__rank=1).values_list("pk", flat=True))
        assert first == set(query.pairs.filter(slot__isnull=False).values_list("pk", flat=True))


def test_doing_it_again_changes_nothing_and_embeds_nothing(study: Study) -> None:
    _compute(study)
    before = _nominations(study), list(Pair.objects.order_by("pk").values_list("pk", "slot"))
    again = _compute(study)

    assert again.state == JobState.DONE
    assert (_nominations(study), list(Pair.objects.order_by("pk").values_list("pk", "slot"))) == before
    last = Chunk.objects.order_by("-job_id").values_list("job_id", flat=True)[0]
    assert not Chunk.objects.filter(job_id=last, stage="embed").exists()


def test_a_second_study_reuses_the_vectors(study: Study, cards: Catalogue) -> None:
    _compute(study)
    second = create_study(StudyPlan(slug="second", catalogue=cards, contenders=["colours:cosine"], seed=9))
    _compute(second)
    assert Chunk.objects.filter(stage="embed", job__target=f"study:{second.pk}").count() == 0
    assert Embedding.objects.get().vectors == 24


def test_the_control_is_the_same_for_the_same_seed(study: Study, cards: Catalogue) -> None:
    _compute(study)
    twin = create_study(StudyPlan(slug="twin", catalogue=cards, contenders=["colours:l1"], top_k=3, seed=2))
    _compute(twin)
    control = {key: value for key, value in _nominations(study).items() if key[0] == "control"}
    assert {key: value for key, value in _nominations(twin).items() if key[0] == "control"} == control


def test_excluding_products_hides_other_pictures_of_the_same_product(cards: Catalogue) -> None:
    study = create_study(
        StudyPlan(slug="strict", catalogue=cards, contenders=["colours:l1"], exclude="product", seed=1)
    )
    _compute(study)
    same = Pair.objects.filter(study=study).values_list("query__item__product", "candidate__product")
    assert all(query != candidate for query, candidate in same)


def test_the_same_picture_under_another_key_is_never_the_answer(cards: Catalogue, tmp_path: Path) -> None:
    original = tmp_path / "cards" / "red-0.png"
    (tmp_path / "cards" / "copy.png").write_bytes(original.read_bytes())
    (tmp_path / "cards" / "more.csv").write_text("path,category\ncopy.png,red\n", encoding="utf-8")
    call_command("import_catalogue", "cards", str(tmp_path / "cards" / "more.csv"))
    cards.refresh_from_db()
    study = create_study(StudyPlan(slug="twins", catalogue=cards, contenders=["colours:l1"], seed=1))
    _compute(study)
    pictures = Pair.objects.filter(study=study).values_list("query__item__picture_id", "candidate__picture_id")
    assert all(query != candidate for query, candidate in pictures)


def test_a_picture_that_cannot_be_read_is_left_out_and_told(study: Study) -> None:
    lost = Item.objects.get(key="red-0.png")
    default_storage.delete(lost.picture.file)

    progress = _compute(study)

    assert progress.state == JobState.DONE_WITH_ERRORS
    assert study.state == StudyState.READY
    job = Chunk.objects.values_list("job_id", flat=True)[0]
    assert "red-0.png" in {thing for thing, _ in queries.faults_of(job)}
    shown = Pair.objects.filter(study=study, nominations__contender__name="colours:l1")
    assert not shown.filter(candidate=lost).exists()
    assert not shown.filter(query__item=lost).exists()


def test_vectors_computed_elsewhere_compete_by_key(cards: Catalogue, tmp_path: Path) -> None:
    keys = list(Item.objects.order_by("key").values_list("key", flat=True))
    known = keys[:-2]
    np.save(tmp_path / "mine.npy", np.arange(len(known) * 4, dtype=np.float32).reshape(-1, 4))
    (tmp_path / "mine.keys.txt").write_text("\n".join(known) + "\n", encoding="utf-8")
    call_command("register_model", f"vectors:{tmp_path / 'mine.npy'}", name="mine")
    (tmp_path / "mine.npy").unlink()

    study = create_study(StudyPlan(slug="mine", catalogue=cards, contenders=["mine:l2"], control=False, top_k=2))
    progress = _compute(study)

    assert progress.state == JobState.DONE_WITH_ERRORS
    ids = dict(Item.objects.values_list("key", "pk"))
    found = _nominations(study)
    # Both are equally near: a lot decides which comes first.
    assert {c for _, c, _ in found["mine:l2", ids[known[5]]]} == {ids[known[4]], ids[known[6]]}
    assert ("mine:l2", ids[keys[-1]]) not in found


def test_evaluation_says_what_labels_say(study: Study) -> None:
    _compute(study)
    scores: dict[str, Any] = evaluation_document(study)
    colours = {line["contender"]: line for line in scores["contenders"]}
    assert colours["colours:l1"]["category_match"] == 1.0
    assert colours["colours:l1"]["low"] < 1.0 == colours["colours:l1"]["high"]
    # 24 cards, 8 of each hue, self excluded: 7 of 23 others agree.
    assert scores["control"]["expected"] == pytest.approx(7 / 23)
    assert "control" not in colours


def test_scores_without_labels_are_null(cards: Catalogue) -> None:
    Item.objects.update(category="", product="")
    study = create_study(StudyPlan(slug="bare", catalogue=cards, contenders=["colours:l1"]))
    _compute(study)
    scores = evaluation_document(study)
    line = scores["contenders"][0]
    assert line["category_match"] is line["low"] is line["product_recall_at_1"] is None
    assert scores["control"]["expected"] is scores["control"]["category_match"] is None


def _hidden(item: Item) -> bytes:
    """Take the item's picture away; its bytes, to bring it back."""
    with default_storage.open(item.picture.file, "rb") as file:
        data: bytes = file.read()
    default_storage.delete(item.picture.file)
    return data


def test_a_picture_that_comes_back_is_answered_as_if_it_had_never_been_away(study: Study, cards: Catalogue) -> None:
    lost = Item.objects.get(key="red-0.png")
    data = _hidden(lost)
    assert _compute(study).state == JobState.DONE_WITH_ERRORS
    default_storage.save(lost.picture.file, ContentFile(data))

    assert _compute(study).state == JobState.DONE

    twin = create_study(StudyPlan(slug="twin", catalogue=cards, contenders=CONTENDERS, top_k=3, seed=2))
    _compute(twin)
    assert _nominations(study) == _nominations(twin)
    for query in study.queries.all():
        slots = sorted(query.pairs.filter(slot__isnull=False).values_list("slot", flat=True))
        assert slots == list(range(query.slots))
        first = set(query.pairs.filter(nominations__rank=1).values_list("pk", flat=True))
        assert first == set(query.pairs.filter(slot__isnull=False).values_list("pk", flat=True))


def test_what_people_vote_on_stays_although_more_could_be_embedded(study: Study) -> None:
    lost = Item.objects.get(key="red-0.png")
    data = _hidden(lost)
    _compute(study)
    open_study(study)
    before = _nominations(study), list(Pair.objects.order_by("pk").values_list("pk", "slot"))
    default_storage.save(lost.picture.file, ContentFile(data))

    _compute(study)

    assert (_nominations(study), list(Pair.objects.order_by("pk").values_list("pk", "slot"))) == before


def test_vectors_that_a_dead_worker_left_whole_are_not_made_again(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    _compute(study)
    monkeypatch.setattr(embeddings, "embed", lambda *_, **__: pytest.fail("embedded again"))
    items = list(Item.objects.values_list("pk", flat=True))
    assert embeddings.embed_items(EmbeddingModel.objects.get(), ["embedding"], items) == []
