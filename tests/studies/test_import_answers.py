"""A black box takes part: its answers come in a file, and the study treats it like any other contender."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from evalapp.catalog.models import Catalogue
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.core.services.jobs import request_job
from evalapp.exports.services.write_exports import export_study
from evalapp.studies.models import Contender, Nomination, Study, StudyState
from evalapp.studies.services.import_results import import_answers
from evalapp.studies.services.offline_scores import evaluate_study
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def sheet(folder: Path, *rows: str, header: str = "query,candidate,rank,distance") -> Path:
    path = folder / "answers.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def draft(cards: Catalogue) -> Study:
    words = {"catalogue": "cards", "contender": ["colours:l1"], "queries": 6, "top_k": 3, "seed": 1}
    call_command("create_study", "cards-1", **words)
    return Study.objects.get(slug="cards-1")


def perfect(study: Study, folder: Path) -> Path:
    """Every query is answered with three others of its hue, best first."""
    rows = []
    for query in study.queries.select_related("item"):
        alike = study.catalogue.items.filter(category=query.item.category).exclude(pk=query.item_id).order_by("key")
        rows += [f"{query.item.key},{item.key},{rank},0.{rank}" for rank, item in enumerate(alike[:3], start=1)]
    return sheet(folder, *rows)


def precompute(study: Study) -> None:
    job = request_job("precompute", f"study:{study.pk}")
    while work_on(job.pk):
        pass
    study.refresh_from_db()


def test_ranks_from_zero_keep_the_best_answer_of_every_query_and_are_told(draft: Study, tmp_path: Path) -> None:
    lines = perfect(draft, tmp_path).read_text(encoding="utf-8").splitlines()[1:]
    cells = [line.split(",") for line in lines]
    from_zero = [",".join([query, item, f"{int(rank) - 1}.0", ""]) for query, item, rank, _ in cells]
    brought = import_answers(draft, sheet(tmp_path, *from_zero), "zero")
    assert (brought.answers, brought.left_out) == (18, 0)
    assert brought.faults == [(2, "Ranks are counted from 0 here: what stands at 0 is the first choice.")]
    best = Nomination.objects.filter(contender__name="zero", rank=1)
    first = set(best.values_list("pair__query__item__key", "pair__candidate__key"))
    assert first == {(query, item) for query, item, rank, _ in cells if rank == "1"}


def test_a_search_engine_is_judged_without_its_vectors(draft: Study, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("import_answers", "cards-1", str(perfect(draft, tmp_path)), name="shop-search", json=True, stdout=out)
    told = json.loads(out.getvalue())
    assert (told["answers"], told["queries"], told["left_out"]) == (18, 6, 0)
    precompute(draft)
    assert draft.state == StudyState.READY
    box = draft.contenders.get(name="shop-search")
    assert Nomination.objects.filter(contender=box).count() == 18
    first = Nomination.objects.filter(contender=box, rank=1).select_related("pair")
    assert all(one.pair.slot is not None for one in first)
    line = next(one for one in evaluate_study(draft)["contenders"] if one["contender"] == "shop-search")
    assert (line["category_match"], line["model"], line["metric"]) == (1.0, None, "")
    manifest = export_study(draft, "csv", tmp_path / "out")
    exported = next(one for one in manifest["contenders"] if one["contender"] == "shop-search")
    assert (exported["control"], len(exported["answers_hash"])) == (False, 64)


def test_pairs_it_shares_with_others_are_one_pair(draft: Study, tmp_path: Path) -> None:
    precompute(draft)
    theirs = Nomination.objects.filter(contender__name="colours:l1").select_related(
        "pair__query__item", "pair__candidate"
    )
    rows = [f"{one.pair.query.item.key},{one.pair.candidate.key},{one.rank}," for one in theirs]
    import_answers(draft, sheet(tmp_path, *rows), "copy")
    draft.refresh_from_db()
    assert draft.state == StudyState.DRAFT
    precompute(draft)
    mine = Nomination.objects.filter(contender__name="copy")
    assert set(mine.values_list("pair", "rank")) == set(theirs.values_list("pair", "rank"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nobody,{candidate},1,", "'nobody' is no query of this study."),
        ("{query},nothing,1,", "'nothing' is no item of its gallery."),
        ("{query},{query},1,", "A picture is never its own neighbour."),
        ("{query},{candidate},first,", "The rank 'first' is no whole number from 1 to 1000."),
        ("{query},{candidate},-1,", "The rank '-1' is no whole number from 1 to 1000."),
        ("{query},{candidate}," + "9" * 5000 + ",", f"The rank '{'9' * 40}' is no whole number from 1 to 1000."),
        ("{query},{candidate},1,near", "The distance 'near' is no number."),
        ("{query},{candidate},1,inf", "The distance 'inf' is no number."),
    ],
)
def test_a_row_that_cannot_be_used_is_told_and_the_rest_goes_in(
    draft: Study, tmp_path: Path, row: str, reason: str
) -> None:
    query = draft.queries.select_related("item").first().item
    candidate = draft.catalogue.items.exclude(pk=query.pk).order_by("-key").first()
    other = draft.catalogue.items.exclude(pk__in=[query.pk, candidate.pk]).order_by("key").first()
    bad = row.format(query=query.key, candidate=candidate.key)
    brought = import_answers(draft, sheet(tmp_path, bad, f"{query.key},{other.key},2,0.5"), "box")
    assert brought.faults == [(2, reason)]
    (kept,) = Nomination.objects.filter(contender__name="box")
    assert (kept.pair.candidate, kept.rank, kept.distance) == (other, 1, 0.5)


def test_what_stands_twice_counts_once(draft: Study, tmp_path: Path) -> None:
    query = draft.queries.select_related("item").first().item
    one, two = draft.catalogue.items.exclude(pk=query.pk).order_by("key")[:2]
    rows = [f"{query.key},{one.key},1,", f"{query.key},{one.key},2,", f"{query.key},{two.key},1,"]
    brought = import_answers(draft, sheet(tmp_path, *rows), "box")
    assert [line for line, _ in brought.faults] == [3, 4]
    assert brought.answers == 1


def test_an_open_study_takes_nobody_in_and_a_name_stands_for_one(draft: Study, tmp_path: Path) -> None:
    import_answers(draft, perfect(draft, tmp_path), "box")
    with pytest.raises(Conflict, match="has a contender box already"):
        import_answers(draft, perfect(draft, tmp_path), "box")
    with pytest.raises(Conflict, match="was opened"):
        import_answers(cast.open_study(), perfect(draft, tmp_path), "late")


def test_a_file_of_nothing_usable_changes_nothing(draft: Study, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"No row of answers\.csv could be used\. Line 2: 'a' is no query"):
        import_answers(draft, sheet(tmp_path, "a,b,1,"), "box")
    with pytest.raises(InvalidInput, match="lacks the column rank; its first row names query, candidate"):
        import_answers(draft, sheet(tmp_path, "a,b", header="query,candidate"), "box")
    assert not Contender.objects.filter(name="box").exists()
    with pytest.raises(CommandError) as caught:
        call_command("import_answers", "cards-1", str(tmp_path / "nowhere.csv"), name="box")
    assert caught.value.returncode == 2
