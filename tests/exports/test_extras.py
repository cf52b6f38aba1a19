"""What other people's tools read as it is."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_metric_learning import losses

from evalapp.exports.domain.export_tables import TABLES
from evalapp.exports.services.write_exports import export_study
from evalapp.studies.models import Pair, Study
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    study = cast.open_study()
    cast.cleo(study)
    return study


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_hugging_face_datasets_loads_the_folder_without_code(study: Study, tmp_path: Path, kind: str) -> None:
    manifest = export_study(study, kind, tmp_path / "out")
    for table in TABLES:
        loaded = datasets.load_dataset(str(tmp_path / "out"), table.name, cache_dir=str(tmp_path / "cache"))
        assert loaded["train"].num_rows == manifest["rows"][table.name]
        assert loaded["train"].column_names == list(table.header)


def test_the_card_says_what_was_asked_and_by_which_rules_it_was_counted(study: Study, tmp_path: Path) -> None:
    manifest = export_study(study, "csv", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert study.question in card
    assert cast.FC6 in card
    assert all(rule in card for rule in manifest["counting_rules"].values())


def test_a_title_of_several_lines_begins_nothing_in_the_card(study: Study, tmp_path: Path) -> None:
    study.title, study.question = "A\n---\nlicense: mit\n---", "This?\n# Or that?"
    study.save()
    export_study(study, "csv", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").splitlines()
    assert card.count("---") == 2
    assert "# A --- license: mit ---" in card
    assert "# Or that?" not in card


def test_the_open_metric_learning_frame_keeps_its_law(study: Study, tmp_path: Path) -> None:
    """Every validation row is query or gallery, and every query finds its label in another row."""
    items = list(study.catalogue.items.order_by("key"))
    for number, item in enumerate(items):
        item.split = "train" if number % 3 == 0 else ""
        item.x1, item.y1, item.x2, item.y2 = (1, 2, 30, 40) if number == 0 else (None, None, None, None)
        item.save()
    export_study(study, "parquet", tmp_path / "out")
    frame = pd.read_csv(tmp_path / "out" / "oml.csv")
    boxes = ["x_1", "x_2", "y_1", "y_2"]
    assert list(frame.columns) == ["label", "path", "split", "is_query", "is_gallery", "category", *boxes]
    assert list(frame.path) == [item.path for item in items]
    assert frame.label.nunique() == len({item.product for item in items})
    assert (
        frame.groupby("label").size().to_list()
        == pd.Series([item.product for item in items]).value_counts(sort=False).sort_index().to_list()
    )
    assert frame.loc[0, boxes].to_list() == [1, 30, 2, 40]
    train, validation = frame[frame.split == "train"], frame[frame.split == "validation"]
    assert train[["is_query", "is_gallery"]].isna().all(axis=None)
    assert validation.is_gallery.astype(bool).all()
    for row in validation[validation.is_query.astype(bool)].itertuples():
        assert ((validation.label == row.label) & (validation.index != row.Index)).any()


def test_index_tuples_are_rows_of_items_and_feed_a_loss(study: Study, tmp_path: Path) -> None:
    export_study(study, "csv", tmp_path / "out")
    keys = pd.read_csv(tmp_path / "out" / "items.csv").key
    with np.load(tmp_path / "out" / "pml.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    liked = set(zip(keys[arrays["a1"]], keys[arrays["p"]], strict=True))
    noped = set(zip(keys[arrays["a2"]], keys[arrays["n"]], strict=True))
    pairs = Pair.objects.select_related("query__item", "candidate")
    assert liked == {(one.query.item.key, one.candidate.key) for one in pairs if one.dope > one.nope}
    assert noped == {(one.query.item.key, one.candidate.key) for one in pairs if one.dope < one.nope}
    assert liked
    assert noped
    assert len(arrays["weight_p"]) == len(liked)
    assert ((arrays["weight_p"] > 0) & (arrays["weight_p"] < 1)).all()
    vectors = torch.nn.functional.normalize(torch.randn(len(keys), 8, generator=torch.Generator().manual_seed(1)))
    tuples = tuple(torch.from_numpy(arrays[name]) for name in ("a1", "p", "a2", "n"))
    loss = losses.ContrastiveLoss()(vectors, torch.zeros(len(keys)), indices_tuple=tuples)
    assert float(loss) > 0
