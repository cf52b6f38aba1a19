"""Vectors that follow from stored ones: a joint, and a head over it, never open a picture again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.core.management import call_command

from evalapp.catalog.models import Item
from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.pipeline.embeddings import contents, embed_items, folder_of, items_without_vectors
from evalapp.contenders.services.registration import register_model
from models_registry.encoders.checkpoint import HeadSpec, HeadTap, write_checkpoint
from models_registry.encoders.joint_encoder import Part, write_joint
from models_registry.spec import EncoderSpec
from tests.studies.conftest import draw_cards

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def _spec(model: EmbeddingModel) -> EncoderSpec:
    return EncoderSpec.from_json(model.spec)


@pytest.fixture
def items(tmp_path: Path) -> list[int]:
    (tmp_path / "cards").mkdir()
    call_command("import_catalogue", "cards", str(draw_cards(tmp_path / "cards")))
    return list(Item.objects.order_by("key").values_list("pk", flat=True))


@pytest.fixture
def learnt(tmp_path: Path) -> EmbeddingModel:
    """A head over a joint of two registered encoders."""
    colours, _ = register_model(source="colour-histogram", name="colours", options={})
    tiny, _ = register_model(source="tiny-vgg", name="tiny", options={})
    parts = [Part(_spec(tiny), "fc7", 0, _spec(tiny).tap_named("fc7").dim), Part(_spec(colours), "embedding", 0, 192)]
    write_joint(tmp_path / "joint.json", parts)
    joint, _ = register_model(source=f"joint:{tmp_path / 'joint.json'}", name="joint", options={})
    dim = _spec(joint).taps[0].dim
    weight = np.random.default_rng(1).normal(size=(6, dim)).astype(np.float32)
    write_checkpoint(
        tmp_path / "learnt",
        base=_spec(joint),
        base_tap="embedding",
        head=HeadSpec(("linear",), (HeadTap("embedding", 6, 1),)),
        tensors={"0.weight": weight, "0.bias": np.zeros(6, dtype=np.float32)},
    )
    return register_model(source=f"checkpoint:{tmp_path / 'learnt'}", name="learnt", options={})[0]


def _stored(model: EmbeddingModel, items: list[int]) -> np.ndarray:
    keys = [content.key for content in contents(model, items)]
    return folder_of(model, "embedding").reader(keys).rows(0, len(keys))


def test_they_are_those_that_the_pictures_give(
    items: list[int], learnt: EmbeddingModel, settings: LazySettings, tmp_path: Path
) -> None:
    for name, tap in (("tiny", "fc7"), ("colours", "embedding")):
        embed_items(EmbeddingModel.objects.get(name=name), [tap], items)
    settings.MEDIA_ROOT.rename(tmp_path / "put-away")
    assert embed_items(learnt, ["embedding"], items) == []
    followed = _stored(learnt, items)

    # Where its bases are not registered the same encoder has to look at the pictures.
    (tmp_path / "put-away").rename(settings.MEDIA_ROOT)
    settings.EMBEDDINGS_DIR = tmp_path / "elsewhere"
    for number, base in enumerate(EmbeddingModel.objects.exclude(pk=learnt.pk)):
        EmbeddingModel.objects.filter(pk=base.pk).update(fingerprint=f"{number:064d}")
    assert embed_items(learnt, ["embedding"], items) == []
    np.testing.assert_allclose(_stored(learnt, items), followed, atol=1e-4)


def test_ready_vectors_are_joined_with_those_of_pictures(items: list[int], tmp_path: Path) -> None:
    names = list(Item.objects.order_by("key").values_list("key", flat=True))
    ready = np.random.default_rng(2).normal(size=(len(names) - 1, 4)).astype(np.float32)
    np.savez(tmp_path / "ours.npz", keys=np.array(names[1:]), vectors=ready)
    ours, _ = register_model(source=f"vectors:{tmp_path / 'ours.npz'}", name="ours", options={})
    colours, _ = register_model(source="colour-histogram", name="colours", options={})
    write_joint(
        tmp_path / "both.json", [Part(_spec(ours), "embedding", 0, 4), Part(_spec(colours), "embedding", 0, 192)]
    )
    both, _ = register_model(source=f"joint:{tmp_path / 'both.json'}", name="both", options={})

    # The item that the file does not have is left out, and told.
    assert embed_items(both, ["embedding"], items) == [(names[0], "the file of vectors does not have it")]
    found, seen = _stored(both, items[1:]), _stored(colours, items[1:])[:, :192]
    expected = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (ready, seen)]
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), atol=1e-6)

    # A picture that changes under its key has no joint vector any more.
    Item.objects.filter(pk=items[2]).update(picture=Item.objects.get(pk=items[3]).picture)
    assert items_without_vectors(both, ["embedding"], items[1:]) == [items[2]]


def test_a_picture_that_a_base_cannot_read_is_left_out_with_its_reason(
    items: list[int], learnt: EmbeddingModel, settings: LazySettings
) -> None:
    first = Item.objects.select_related("picture").get(pk=items[0])
    (Path(settings.MEDIA_ROOT) / first.picture.file).write_bytes(b"nothing to see")
    ((name, reason),) = embed_items(learnt, ["embedding"], items)
    assert name == first.key
    assert reason.startswith("not-a-picture")
    assert len(_stored(learnt, items[1:])) == 23
