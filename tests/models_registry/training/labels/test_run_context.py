"""What every run on labels does before and after its training: splits, features, the encoder's folder and its card."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from models_registry.embed import Picture
from models_registry.encoders.checkpoint import (
    BACKBONE,
    CARD,
    SPEC,
    HeadSpec,
    HeadTap,
    apply_head,
    read_checkpoint,
    read_head,
    read_tensors,
    trained_on,
    write_checkpoint,
)
from models_registry.registry import describe
from models_registry.spec import Box
from models_registry.store import Vectors
from models_registry.training.common.recipe_base import Outcome
from models_registry.training.common.training_errors import DiskFull, TrainingError, UnusableLabels
from models_registry.training.labels.label_configs import LoopConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.run_context import (
    Features,
    Session,
    digest_of,
    in_blocks,
    require_categories,
    require_domains,
    require_products,
)
from models_registry.training.labels.validation import Way
from tests.models_registry.training.clouds import WIDTH, clouds

CONFIG = LoopConfig(validation_share=0.2, test_share=0.3)
HEAD = HeadSpec(("linear",), (HeadTap("out", 2, 1),))


def session_of(data: LabelledPictures, folder: Path, config: LoopConfig = CONFIG) -> Session:
    return Session("recipe", data, config, folder)


def shaded(seed: int, side: int = 32) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((side, side), Image.Resampling.NEAREST)


def stored(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def without_products(pictures: list[Picture]) -> LabelledPictures:
    data = clouds(products=len(pictures), pictures=1)
    return replace(data, products=[None] * len(pictures), pictures=pictures)


def part_of_row(splits: dict[str, np.ndarray]) -> dict[int, str]:
    return {row: name for name, rows in splits.items() for row in rows.tolist()}


# Splits


def test_products_fall_into_the_shares_that_were_asked_for_and_stay_whole(tmp_path: Path) -> None:
    data = clouds(products=2000, pictures=2)
    splits = session_of(data, tmp_path).splits
    shares = {name: len(rows) / len(data) for name, rows in splits.items()}
    assert shares == pytest.approx({"train": 0.5, "val": 0.2, "test": 0.3}, abs=0.04)
    parts = part_of_row(splits)
    assert all(parts[row] == parts[row + 1] for row in range(0, len(data), 2))
    assert not list(tmp_path.iterdir())


def test_another_salt_is_another_split(tmp_path: Path) -> None:
    data = clouds(products=60)
    assert not np.array_equal(
        session_of(data, tmp_path).splits["test"],
        session_of(data, tmp_path, replace(CONFIG, salt="other")).splits["test"],
    )


def test_a_part_that_stays_empty_is_named_with_what_would_help(tmp_path: Path) -> None:
    data = clouds(products=1)
    with pytest.raises(UnusableLabels, match=r"no pictures for \w+ and \w+ after splitting by product; import more"):
        _ = session_of(data, tmp_path).splits
    published = LoopConfig(split="catalogue")
    with pytest.raises(UnusableLabels, match=r"\(nothing\) leave no pictures for train and val and test; leave split="):
        _ = session_of(data, tmp_path, published).splits
    with pytest.raises(UnusableLabels, match=r"\(test\) leave no pictures for train and val; leave split="):
        _ = session_of(replace(data, splits=["test"] * 4), tmp_path, published).splits


@pytest.mark.parametrize("name", ["category", "department"])
def test_whole_categories_or_departments_are_kept_out_of_training(name: str, tmp_path: Path) -> None:
    data = clouds(products=60, categories=6)
    departments = [{"department": f"d{row % 5}"} if row % 7 else {} for row in range(len(data))]
    data = replace(data, attributes=departments)
    groups = data.categories if name == "category" else [own.get("department") for own in departments]
    parts = part_of_row(session_of(data, tmp_path, replace(CONFIG, split_by=name)).splits)
    assert set(parts) == {row for row, group in enumerate(groups) if group}
    part_of_group: dict[str, set[str]] = {}
    for row, part in parts.items():
        part_of_group.setdefault(str(groups[row]), set()).add(part)
    assert all(len(found) == 1 for found in part_of_group.values())
    assert set().union(*part_of_group.values()) == {"train", "val", "test"}


def test_two_categories_cannot_be_split_in_three_and_are_named(tmp_path: Path) -> None:
    data = clouds(products=8, categories=2)
    with pytest.raises(UnusableLabels, match=r"split_by=category needs three .* clouds have category-0, category-1"):
        _ = session_of(data, tmp_path, replace(CONFIG, split_by="category")).splits
    with pytest.raises(UnusableLabels, match=r"split_by=department needs three .* have none"):
        _ = session_of(data, tmp_path, replace(CONFIG, split_by="department")).splits


def test_a_picture_and_a_crop_of_another_that_looks_the_same_stay_together(tmp_path: Path) -> None:
    """Without products near duplicates are found by what lies in their boxes, which may reach over the edge."""
    pictures = []
    for seed in range(24):
        own = shaded(seed)
        page = Image.new("RGB", (50, 40), (120, 120, 120))
        page.paste(own, (18, 8))
        pictures.append(Picture(f"own-{seed}", stored(own)))
        pictures.append(Picture(f"page-{seed}", lambda page=page: stored(page), Box(18, 8, 70, 60)))  # type: ignore[misc]
    data = without_products(pictures)
    splits = session_of(data, tmp_path / "runs" / "first").splits
    parts = part_of_row(splits)
    assert all(parts[row] == parts[row + 1] for row in range(0, 48, 2))
    assert set(parts.values()) == {"train", "val", "test"}
    assert sorted(parts) == list(range(48))


def test_hashes_are_read_again_from_a_whole_file_alone(tmp_path: Path) -> None:
    data = without_products([Picture(str(seed), stored(shaded(seed))) for seed in range(30)])
    whole = {name: rows.tolist() for name, rows in session_of(data, tmp_path).splits.items()}
    (path,) = tmp_path.iterdir()
    assert path.name == f"hashes-{data.snapshot[:16]}.npy"
    kept = path.read_bytes()

    gone = replace(data, pictures=[Picture(str(seed), b"") for seed in range(30)])
    assert {name: rows.tolist() for name, rows in session_of(gone, tmp_path).splits.items()} == whole

    def save_alike(count: int, kind: type = np.uint64) -> None:
        np.save(path, np.full(count, 7, dtype=kind), allow_pickle=kind is object)

    damages: list[Callable[[], object]] = [
        lambda: save_alike(29),
        lambda: save_alike(31),
        # Objects are never unpickled from a file.
        lambda: save_alike(30, object),
        lambda: path.write_bytes(kept[:100]),
        lambda: path.write_bytes(b""),
        path.unlink,
    ]
    for damage in damages:
        damage()
        assert {name: rows.tolist() for name, rows in session_of(data, tmp_path).splits.items()} == whole
        assert path.read_bytes() == kept


def test_only_reviewed_triplets_of_training_pictures_are_known(tmp_path: Path) -> None:
    data = clouds(products=40)
    splits = session_of(data, tmp_path).splits
    inside, outside = splits["train"][:3], [*splits["train"][:2], splits["val"][0]]
    data = replace(data, reviewed=replace(data.reviewed, accepted=np.array([inside, outside])))
    assert session_of(data, tmp_path).reviewed.accepted.tolist() == [inside.tolist()]


# Digest


def test_a_digest_changes_with_all_that_a_result_depends_on_and_with_nothing_else(tmp_path: Path) -> None:
    data = clouds(products=4)
    digests = [
        digest_of("recipe", CONFIG, data),
        digest_of("other", CONFIG, data),
        digest_of("recipe", replace(CONFIG, seed=1), data),
        digest_of("recipe", CONFIG, replace(data, categories=[None] * 16)),
        digest_of("recipe", CONFIG, replace(data, base_tap="fc7")),
        digest_of("recipe", CONFIG, replace(data, base=replace(data.base, version=99))),
    ]
    assert len(set(digests)) == len(digests)
    assert session_of(data, tmp_path).digest == digests[0]
    assert session_of(replace(data, name="renamed"), tmp_path / "elsewhere").digest == digests[0]
    assert len(digests[0]) == 64


# Features


def watched(data: LabelledPictures) -> tuple[LabelledPictures, list[int]]:
    """Pictures whose vectors tell how many of them were read each time."""
    reads: list[int] = []

    class Watched:
        dim = data.vectors.dim

        def take(self, rows: np.ndarray) -> np.ndarray:
            reads.append(len(rows))
            return data.vectors.take(rows)

    return replace(data, vectors=Watched()), reads


def test_features_are_the_rows_of_the_base_networks_vectors_read_once() -> None:
    data = clouds(products=5)
    seen, reads = watched(data)
    features = Features(seen)
    rows = np.array([3, 3, 0, 19])
    assert features.dim == WIDTH
    assert features.take(rows).numpy().tolist() == data.vectors.take(rows).tolist()
    assert reads == [20]


@pytest.mark.parametrize(("dim", "reads"), [(512, [2**20]), (513, [2])])
def test_vectors_of_up_to_two_gigabytes_are_kept_in_memory_and_larger_ones_read_when_asked_for(
    dim: int, reads: list[int]
) -> None:
    read: list[int] = []

    class Large:
        def __init__(self) -> None:
            self.dim = dim

        def take(self, rows: np.ndarray) -> np.ndarray:
            read.append(len(rows))
            return np.ones((2, 1), dtype=np.float32)

    data = clouds(products=1)
    features = Features(replace(data, keys=range(2**20), vectors=Large()))
    assert features.take(np.array([0, 1])).tolist() == [[1.0], [1.0]]
    assert read == reads


@pytest.mark.parametrize("count", [1, 4096, 4097, 9000])
def test_the_mean_vector_is_that_of_all_rows_however_many(count: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((9000, 3)).astype(np.float32) + 100
    data = replace(clouds(products=9000, pictures=1), vectors=Vectors.from_array(vectors))
    rows = np.random.default_rng(1).permutation(9000)[:count]
    found = Features(data).mean_vector(rows)
    assert found.dtype == torch.float32
    assert found.numpy() == pytest.approx(vectors[rows].astype(np.float64).mean(axis=0), rel=1e-7)


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_blocks_of_rows_are_joined_in_their_order(count: int) -> None:
    rows, sizes = np.arange(100, 100 + count), []
    weight = torch.ones(1, requires_grad=True)

    def apply(part: np.ndarray) -> torch.Tensor:
        sizes.append(len(part))
        return torch.from_numpy(part)[:, None].double() * weight

    found = in_blocks(apply, rows, size=3)
    assert found.dtype == np.float32
    assert found.tolist() == [[row] for row in rows]
    assert sizes == [3] * (count // 3) + ([count % 3] if count % 3 else [])
    assert in_blocks(apply, np.arange(2049)).shape == (2049, 1)


# What must be there


def labelled(**labels: list[str | None]) -> LabelledPictures:
    data = clouds(products=len(next(iter(labels.values()))), pictures=1)
    return replace(data, **labels)


@pytest.mark.parametrize(
    ("categories", "refused"),
    [
        (["a", "a", "b", "b"], None),
        (["a", "a", "b", "b", "c", None], None),
        ([None, None, "", None], "No picture of clouds has a category"),
        (["a", "a", "a", None], "are of one category, a: two"),
        (["a", "a", "b", None], "Fewer than two categories of clouds have more than one"),
        (["a", "b", "c", "d"], "Fewer than two categories"),
    ],
)
def test_two_categories_of_two_pictures_are_needed(categories: list[str | None], refused: str | None) -> None:
    _check(lambda: require_categories(labelled(categories=categories)), refused)


@pytest.mark.parametrize(
    ("products", "refused"),
    [
        (["a", "a", "b", "b"], None),
        (["a", "a", "b", "b", "c", None], None),
        ([None, None, "", None], "No picture of clouds has a product"),
        (["a", "a", "b", None], "Fewer than two products of clouds have more than one"),
        (["a", "b", "c", "d"], "Fewer than two products"),
    ],
)
def test_two_products_of_two_pictures_are_needed(products: list[str | None], refused: str | None) -> None:
    _check(lambda: require_products(labelled(products=products)), refused)


@pytest.mark.parametrize(
    ("products", "domains", "refused"),
    [
        ("aabb", ["street", "shop", "street", "shop"], None),
        ("aabb", ["street", "shop", "street", "street"], "Fewer than two products of clouds have .* street and shop"),
        (" ab ", ["street", "street", "street", "shop"], "Fewer than two products"),
        (" a  ", ["street", "street", "shop", "shop"], "Fewer than two products"),
        ("aabc", ["shop", "shop", "shop", "street"], "Fewer than two products"),
        ("aabc", ["street", "street", "street", "shop"], "Fewer than two products"),
        ("aabb", ["street", "studio", "street", None], "clouds has no domain shop; it has street, studio"),
        ("aabb", ["shop", "shop", "shop", None], "clouds has no domain street; it has shop"),
        ("aabb", [None, None, "", None], "no domain street; it has none"),
    ],
)
def test_two_products_in_both_domains_are_needed(products: str, domains: list[str | None], refused: str | None) -> None:
    data = labelled(products=[name.strip() or None for name in products], domains=domains)
    _check(lambda: require_domains(data, "street", "shop"), refused)


def _check(require: Callable[[], None], refused: str | None) -> None:
    if refused is None:
        require()
        return
    with pytest.raises(UnusableLabels, match=refused):
        require()


# The outcome


def head_tensors(width: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"0.weight": rng.standard_normal((2, width)).astype(np.float32), "0.bias": np.ones(2, dtype=np.float32)}


def test_the_encoder_and_its_card_say_what_was_learnt_from(tmp_path: Path) -> None:
    data = clouds(products=40)
    session = session_of(data, tmp_path)
    tensors = head_tensors(WIDTH)
    outcome = session.write_outcome(HEAD, tensors, {"recall": 0.5})
    assert outcome == Outcome(tmp_path / "encoder", {"recall": 0.5}, outcome.card)
    assert json.loads((outcome.encoder_dir / CARD).read_text()) == outcome.card
    counts = {name: len(rows) for name, rows in session.splits.items()}
    assert outcome.card["recipe"] == "recipe"
    assert outcome.card["settings"]["validation_share"] == 0.2
    assert outcome.card["data"] == {"catalogue": "clouds", "snapshot": data.snapshot, "pictures": counts}
    assert outcome.card["base"] == {"family": "tiny-vgg", "source": "tiny-vgg", "tap": "fc6"}
    assert outcome.card["metrics"] == {"recall": 0.5}
    spec_file = outcome.encoder_dir / SPEC
    spec = read_checkpoint(spec_file)
    assert (spec.base.fingerprint, spec.base_tap, spec.head) == (data.base.fingerprint, "fc6", HEAD)
    assert read_head(spec_file, spec)["0.weight"].tolist() == tensors["0.weight"].tolist()
    assert set(trained_on(spec_file)) == {data.sha256s[row] for row in session.splits["train"]}
    assert not (outcome.encoder_dir / BACKBONE).exists()


def test_where_fewer_pictures_were_learnt_from_they_alone_are_told(tmp_path: Path) -> None:
    data = clouds(products=40)
    session = session_of(data, tmp_path)
    learnt = session.splits["train"][::2]
    outcome = session.write_outcome(HEAD, head_tensors(WIDTH), {}, learnt=learnt)
    assert outcome.card["data"]["pictures"]["train"] == len(learnt)
    assert outcome.card["data"]["pictures"]["test"] == len(session.splits["test"])
    assert set(trained_on(outcome.encoder_dir / SPEC)) == {data.sha256s[row] for row in learnt}


def test_a_tuned_network_is_kept_with_the_spec_that_its_weights_belong_to(tmp_path: Path) -> None:
    data = clouds(products=40)
    tuned = replace(data.base, options={**data.base.options, "shallow": 8})
    weights = {"layer": np.arange(3, dtype=np.float32)}
    outcome = session_of(data, tmp_path).write_outcome(HEAD, head_tensors(WIDTH), {}, backbone=weights, tuned=tuned)
    spec = read_checkpoint(outcome.encoder_dir / SPEC)
    assert spec.base.options["shallow"] == 8
    assert read_tensors(outcome.encoder_dir / BACKBONE)["layer"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("is_tuned", [False, True])
def test_a_head_over_a_checkpoint_becomes_one_head_over_that_ones_base(tmp_path: Path, is_tuned: bool) -> None:
    plain = clouds(products=40)
    first = tmp_path / "first"
    first_head = HeadSpec(("linear", "relu"), (HeadTap("early", 2, 1), HeadTap("late", 2, 2)))
    weights = {"layer": np.arange(3, dtype=np.float32)} if is_tuned else None
    seen = [hashlib.sha256(b"seen before").hexdigest()]
    write_checkpoint(
        first, base=plain.base, base_tap="fc6", head=first_head, tensors=head_tensors(WIDTH), backbone=weights,
        trained_on=seen,
    )  # fmt: skip
    data = replace(plain, base=describe(f"checkpoint:{first}"), base_tap="early", base_weights=first / SPEC)
    session = session_of(data, tmp_path / "second")
    then = head_tensors(2, seed=1)
    outcome = session.write_outcome(HEAD, then, {})
    spec_file = outcome.encoder_dir / SPEC
    spec = read_checkpoint(spec_file)
    assert (spec.base.family, spec.base_tap, spec.head.layers) == ("tiny-vgg", "fc6", ("linear", "linear"))
    rows = plain.vectors.take(np.arange(5))
    expected = (rows @ head_tensors(WIDTH)["0.weight"].T + 1) @ then["0.weight"].T + 1
    assert apply_head(spec.head, read_head(spec_file, spec), rows) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert set(trained_on(spec_file)) == {*seen, *(data.sha256s[row] for row in session.splits["train"])}
    assert outcome.card["base"] == {"family": "checkpoint", "source": "first", "tap": "early"}
    assert (outcome.encoder_dir / BACKBONE).exists() == is_tuned
    if is_tuned:
        assert read_tensors(outcome.encoder_dir / BACKBONE)["layer"].tolist() == [0, 1, 2]


def test_a_checkpoint_whose_files_are_gone_cannot_be_built_on(tmp_path: Path) -> None:
    data = clouds(products=40)
    data = replace(data, base=replace(data.base, family="checkpoint"))
    with pytest.raises(TrainingError, match="has no files"):
        session_of(data, tmp_path).write_outcome(HEAD, head_tensors(WIDTH), {})


def test_a_folder_that_cannot_be_written_says_so_in_words(tmp_path: Path) -> None:
    (tmp_path / "encoder").write_text("in the way")
    with pytest.raises(DiskFull, match=r"encoder cannot be written: File exists. Make room and resume"):
        session_of(clouds(products=40), tmp_path).write_outcome(HEAD, head_tensors(WIDTH), {})


# The final table


def test_the_final_table_has_what_must_be_beaten_and_each_metric_of_what_was_trained(tmp_path: Path) -> None:
    data = clouds(products=30)
    session = session_of(data, tmp_path)
    test = session.splits["test"]
    trained = session.metric_entries(data.vectors.take(test), ["cosine", "l2"])
    assert [entry.metric for entry in trained] == ["cosine", "l2"]
    table = session.final_table(trained)
    names = [line["name"] for line in table["lines"]]
    assert names[:5] == ["raw features:cosine", "raw features:l2", "colours:l1", "trained:cosine", "trained:l2"]
    assert (table["queries"], table["gallery"], table["baseline"]) == (len(test), len(test), "raw features:cosine")
    assert session.final_table(trained, baseline="colours:l1")["baseline"] == "colours:l1"
    across = session.final_table(session.metric_entries(data.vectors.take(test), ["l1"], "own"), way=Way("", "street"))
    assert across["lines"][3]["name"] == "own:l1"
    assert (across["queries"], across["gallery"]) == (len(test) // 2, len(test))


@pytest.mark.parametrize("split", ["catalogue", "hash"])
def test_who_asks_and_who_answers_is_as_published_where_the_splits_are(split: Any, tmp_path: Path) -> None:
    data = clouds(products=30)
    parts = ["train", "query", "gallery", "gallery"]
    data = replace(data, splits=[parts[0] if row < 60 else parts[row % 3 + 1] for row in range(120)])
    session = session_of(data, tmp_path, LoopConfig(split=split, validation_share=0.2))
    table = session.final_table([])
    asked = Counter(data.splits[row] for row in session.splits["test"])
    everyone = (sum(asked.values()),) * 2
    expected = (asked["query"], asked["gallery"]) if split == "catalogue" else everyone
    assert (table["queries"], table["gallery"]) == expected
    assert min(asked.values()) > 0
