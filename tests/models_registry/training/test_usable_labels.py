"""Labels as catalogues have them: published splits, few attributes, three domains, damaged files; refused in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models_registry.embed import Picture
from models_registry.encoders.checkpoint import SPEC, trained_on
from models_registry.spec import Box
from models_registry.training.common import run_checkpoints
from models_registry.training.common.run_checkpoints import load_state, save_state
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels import attributes
from models_registry.training.labels.attributes import AttributeTable, LevelOf, draw_triplets
from models_registry.training.labels.groups import Groups, ways_of
from models_registry.training.labels.label_configs import LoopConfig, MetricConfig, RetrainConfig, TripletConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.recipes.deep_ranking import CloseNegatives
from models_registry.training.labels.recipes.retrain import RECIPE as RETRAIN
from models_registry.training.labels.recipes.triplet import RECIPE as TRIPLET
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import question_of
from tests.models_registry.training.clouds import clouds


def silently(_report: object) -> None:
    pass


def with_splits(of_product: dict[int, str], *, of_shop: str | None = None) -> LabelledPictures:
    """The clouds' pictures with the split of their product's number modulo 10; the shop's may have another one."""
    data = clouds()
    splits = [of_product[int(key[1:4]) % 10] for key in data.keys]
    if of_shop is not None:
        splits = [of_shop if domain == "shop" else split for split, domain in zip(splits, data.domains, strict=True)]
    return replace(data, splits=[split or None for split in splits])


HALVES = dict.fromkeys(range(5), "train") | dict.fromkeys(range(5, 10), "test")
PUBLISHED = LoopConfig(split="catalogue", validation_share=0.2)


def test_train_and_test_as_published_with_validation_cut_from_training(tmp_path: Path) -> None:
    data = with_splits(HALVES)

    splits = Session("x", data, PUBLISHED, tmp_path).splits

    assert [data.splits[row] for row in splits["test"]] == ["test"] * 80
    assert {data.splits[row] for part in ("train", "val") for row in splits[part]} == {"train"}
    assert len(splits["train"]) + len(splits["val"]) == 80
    assert not {data.products[row] for row in splits["train"]} & {data.products[row] for row in splits["val"]}


def test_queries_ask_and_the_gallery_answers_as_published(tmp_path: Path) -> None:
    data = with_splits(HALVES)
    roles = ["query" if key.endswith("0") else "gallery" for key in data.keys]
    data = replace(data, splits=[s if s == "train" else role for s, role in zip(data.splits, roles, strict=True)])
    config = MetricConfig(split="catalogue", validation_share=0.2)
    test = Session("x", data, config, tmp_path).splits["test"]

    question = question_of(data, test, ways_of(config)[0])

    assert {data.splits[row] for row in test[question.queries]} == {"query"}
    assert {data.splits[row] for row in test[question.gallery]} == {"gallery"}
    assert (len(question.queries), len(question.gallery)) == (20, 60)


def test_shop_pictures_without_a_split_go_with_their_product(tmp_path: Path) -> None:
    data = with_splits(HALVES, of_shop="")

    splits = Session("x", data, PUBLISHED, tmp_path).splits

    assert sum(len(rows) for rows in splits.values()) == len(data)
    assert {HALVES[int(data.keys[row][1:4]) % 10] for row in splits["test"]} == {"test"}


def test_a_catalogue_without_splits_says_so_and_not_to_change_shares(tmp_path: Path) -> None:
    with pytest.raises(UnusableLabels, match=r"\(nothing\) leave no pictures for train and val and test; leave split="):
        _ = Session("x", clouds(), PUBLISHED, tmp_path).splits


def test_only_pictures_of_the_chosen_categories_count_as_learnt_from(tmp_path: Path) -> None:
    data = clouds()
    config = RetrainConfig(epochs=1, hidden=8, top_categories=2, validation_share=0.2)

    outcome = RETRAIN.run(data, config, tmp_path, on_progress=silently, resume=False)

    category_of = dict(zip(data.sha256s, data.categories, strict=True))
    learnt = trained_on(outcome.encoder_dir / SPEC)
    assert len(outcome.metrics["categories"]) == 2
    assert {category_of[sha256] for sha256 in learnt} == set(outcome.metrics["categories"])
    assert outcome.card["data"]["pictures"]["train"] == len(learnt)


def test_validation_without_a_chosen_category_is_refused_in_words(tmp_path: Path) -> None:
    data = clouds()
    session = Session("retrain", data, RetrainConfig(validation_share=0.2), tmp_path)
    unknown = [None if row in set(session.splits["val"].tolist()) else c for row, c in enumerate(data.categories)]

    with pytest.raises(UnusableLabels, match=r"No validation picture of clouds .* raise top_categories"):
        RETRAIN.run(
            replace(data, categories=unknown),
            RetrainConfig(epochs=1, hidden=8, validation_share=0.2),
            tmp_path,
            on_progress=silently,
            resume=False,
        )


def test_a_category_and_one_attribute_are_enough_for_levels() -> None:
    values = np.array([[row % 2, row // 2 % 2] for row in range(20)])
    table = AttributeTable(("category", "colour"), values, (2, 2))

    drawn = draw_triplets(np.arange(20), LevelOf(table, np.arange(20), [0.8, 0.5], 3), 10, np.random.default_rng(0))

    assert len(drawn) == 10


def test_levels_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes, "MOST_REMEMBERED", 100)
    table = AttributeTable(("category",), np.arange(40)[:, None] % 2, (2,))
    level_of = LevelOf(table, np.arange(40), [0.8], 1)

    first = level_of(0).copy()
    for anchor in range(40):
        level_of(anchor)

    assert len(level_of._seen) * 40 <= 100
    assert np.array_equal(level_of(0), first)


def test_another_box_is_another_snapshot() -> None:
    data = clouds()
    boxed = [replace(picture, box=Box(0, 0, 8, 8)) for picture in data.pictures]
    moved = [replace(picture, box=Box(0, 0, 8, 9)) for picture in data.pictures]

    assert len({replace(data, pictures=some).snapshot for some in (data.pictures, boxed, moved)}) == 3


def test_a_third_domain_is_neither_query_nor_gallery(tmp_path: Path) -> None:
    data = clouds()
    domains = ["studio" if key.endswith("3") else domain for key, domain in zip(data.keys, data.domains, strict=True)]
    data = replace(data, domains=domains)
    config = MetricConfig(by="domains", validation_share=0.2)
    session = Session("triplet", data, config, tmp_path)
    groups = Groups.from_session(session, config)
    rng = np.random.default_rng(0)

    seen = {data.domains[row] for batch in groups.draw_batches(rng) for row in batch}
    miner = CloseNegatives(session.splits["train"], groups.group_of, groups.is_query, close=200)
    import torch

    mined = miner.mine_triplets(torch.from_numpy(rng.standard_normal((len(data), 4))), 400, rng)

    assert seen == {"street", "shop"}
    assert {data.domains[row] for row in mined.ravel()} == {"street", "shop"}


def test_n_pair_across_domains_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(UnusableLabels, match=r"loss=n-pair .* with by=domains choose"):
        TRIPLET.check(clouds(), TripletConfig(loss="n-pair", by="domains"))


def test_half_a_file_of_hashes_is_written_anew(tmp_path: Path) -> None:
    data = replace(clouds(products=12), products=[None] * 48)
    data = replace(data, pictures=[Picture(key, _shade(number)) for number, key in enumerate(data.keys)])
    config = LoopConfig(validation_share=0.3, test_share=0.3)
    whole = Session("x", data, config, tmp_path).splits
    (path,) = tmp_path.glob("hashes-*.npy")
    path.write_bytes(path.read_bytes()[:100])

    again = Session("x", data, config, tmp_path).splits

    assert {name: rows.tolist() for name, rows in again.items()} == {n: r.tolist() for n, r in whole.items()}


def test_a_checkpoint_of_a_gpu_is_gone_on_from_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    with monkeypatch.context() as patch:
        patch.setattr("torch.serialization.location_tag", lambda _storage: "cuda:0")
        save_state(tmp_path / "run.checkpoint", {"digest": "d", "epoch": 7, "weights": torch.arange(3.0)})

    state = load_state(tmp_path / "run.checkpoint", "d")

    assert state is not None
    assert (state["epoch"], state["weights"].tolist()) == (7, [0.0, 1.0, 2.0])


def test_two_writers_of_one_checkpoint_never_mix(tmp_path: Path) -> None:
    import threading

    import torch

    path = tmp_path / "run.checkpoint"
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(30):
                save_state(path, {"digest": "d", "one": torch.full((2000,), number), "other": torch.full((9,), number)})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        state = load_state(path, "d") if path.exists() else None
        assert state is None or set(state["one"].tolist()) == set(state["other"].tolist())
    assert not failures
    assert load_state(path, "d") is not None
    assert [file.name for file in tmp_path.iterdir()] == ["run.checkpoint"]


def test_what_a_killed_writer_left_behind_is_removed_after_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".run.checkpoint.77-ab.part").write_bytes(b"half")
    load_state(tmp_path / "run.checkpoint", "d")
    assert (tmp_path / ".run.checkpoint.77-ab.part").exists()

    monkeypatch.setattr(run_checkpoints, "_ABANDONED_S", -1)
    load_state(tmp_path / "run.checkpoint", "d")

    assert not (tmp_path / ".run.checkpoint.77-ab.part").exists()


def _shade(number: int) -> bytes:
    import io

    from PIL import Image

    pixels = np.random.default_rng(number).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "PNG")
    return stored.getvalue()
