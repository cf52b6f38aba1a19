"""Boxes and masks from networks of toy size, and keys that never confuse masked with plain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from models_registry import registry, weights
from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
from models_registry.errors import BadOption, EncoderError, WeightsMissing, WeightsRefused
from models_registry.regions import (
    MaskedEncoder,
    OnnxLocator,
    OnnxMasker,
    OwnMapLocator,
    RegionSpec,
    SuggestedBox,
    TapMapLocator,
    best_boxes,
    box_overlap,
    describe_region,
    map_box,
    region_networks,
)
from models_registry.spec import Box, EncoderSpec, Preprocess, Tap
from models_registry.store import content_key, key_for_item, masked_key
from tests.models_registry.regions.toy_networks import FOUND, SCORES, detector, mask_net, says, written

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = {"mean": 0.0, "std": 1.0}


def half_bright() -> Image.Image:
    image = Image.new("RGB", (40, 20), (0, 0, 0))
    image.paste((255, 255, 255), (20, 0, 40, 20))
    return image


def test_the_box_of_a_map_is_its_largest_blob() -> None:
    heat = np.zeros((3, 7, 7), np.float32)
    heat[:, 1:4, 2:6] = 1
    heat[0, 6, 0] = 2
    found = map_box(heat)
    assert found is not None
    assert found[0] == pytest.approx((2 / 7, 1 / 7, 6 / 7, 4 / 7))
    assert map_box(np.ones((2, 4, 4), np.float32)) is None


@pytest.mark.parametrize(
    "pool", [("GlobalAveragePool", {}), ("AveragePool", {"kernel_shape": [8, 8]}), ("ReduceMean", {"axes": [2, 3]})]
)
def test_an_encoders_own_map_suggests_where_something_is(
    tmp_path: Path, pool: tuple[str, dict[str, list[int]]]
) -> None:
    nodes = [
        helper.make_node("Relu", ["pixels"], ["map"]),
        helper.make_node(pool[0], ["map"], ["embedding"], **pool[1]),
    ]
    path = written(tmp_path / "net.onnx", nodes, ["embedding"], {})
    rules = Preprocess((8, 8), mean=(0, 0, 0), std=(1, 1, 1))
    spec = EncoderSpec("onnx", 1, f"onnx:{path}", (Tap("embedding", 3),), rules, weights.sha256_of(path))
    (found,) = OwnMapLocator(spec, path).suggest(half_bright())
    assert found.box == Box(20, 0, 40, 20)
    assert OwnMapLocator(spec, path).suggest(Image.new("RGB", (9, 9))) == []
    plain = written(tmp_path / "plain.onnx", nodes[:1], ["map"], {})
    without = EncoderSpec("onnx", 1, "onnx:x", (), rules, weights.sha256_of(plain))
    with pytest.raises(EncoderError, match="pools no map"):
        OwnMapLocator(without, plain)


@pytest.mark.parametrize(("boxes", "scale"), [("shares", 1), ("pixels", 8)])
def test_a_detector_suggests_boxes_the_surest_first(tmp_path: Path, boxes: str, scale: float) -> None:
    path = detector(tmp_path / "detector.onnx", scale)
    spec = describe_region("locator", f"onnx:{path}", options={"boxes": boxes})
    found = OnnxLocator(spec, path).suggest(half_bright())
    assert [one.box for one in found] == [Box(10, 10, 40, 20), Box(0, 0, 20, 10)]
    assert [round(one.score, 2) for one in found] == [0.9, 0.6]


def rows_of(order: str) -> dict[str, np.ndarray]:
    """The boxes of `detector` in another form, with a class of each."""
    x1, y1, x2, y2 = (8 * FOUND[0]).T
    if order == "rows":
        return {"output0": np.stack([x1, y1, x2, y2, SCORES[0], [0, 7, 3]], axis=1)[None]}
    filler = np.zeros((4, 20))
    centres = np.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])
    by_class = np.zeros((8, 23))
    by_class[[0, 7, 3], [0, 1, 2]] = SCORES[0]
    return {"output0": np.concatenate([np.concatenate([centres, filler], axis=1), by_class])[None]}


@pytest.mark.parametrize("form", ["rows", "columns"])
def test_what_exporters_write_in_one_output_is_understood(tmp_path: Path, form: str) -> None:
    path = says(tmp_path / "detector.onnx", rows_of(form))
    spec = describe_region("locator", f"onnx:{path}")
    assert (spec.layout, spec.boxes) == (form, "pixels")
    found = OnnxLocator(RegionSpec.from_json(spec.to_json()), path).suggest(half_bright())
    assert [(one.box, one.label) for one in found] == [(Box(10, 10, 40, 20), "7"), (Box(0, 0, 20, 10), "0")]


def test_other_orders_of_corners_are_said_and_scores_that_could_be_classes_are_asked_for(tmp_path: Path) -> None:
    turned = {"boxes": FOUND[..., [1, 0, 3, 2]], "first": SCORES, "second": np.array([[1, 2, 3]])}
    path = says(tmp_path / "detector.onnx", turned)
    with pytest.raises(EncoderError, match=r"first, second\); say which: --outputs"):
        describe_region("locator", f"onnx:{path}")
    with pytest.raises(BadOption, match="no output third; it has boxes, first, second"):
        describe_region("locator", f"onnx:{path}", options={"outputs": "boxes,third"})
    options = {"outputs": "boxes,first", "corners": "yxyx", "least-score": "0.7"}
    spec = describe_region("locator", f"onnx:{path}", options=options)
    assert [one.box for one in OnnxLocator(spec, path).suggest(half_bright())] == [Box(10, 10, 40, 20)]


def test_boxes_and_masks_are_brought_back_from_a_letterbox(tmp_path: Path) -> None:
    """A picture twice as wide as high lies in the middle half of a square input."""
    path = says(tmp_path / "detector.onnx", {"boxes": np.array([[[0.5, 0.25, 1, 0.75]]]), "scores": np.ones((1, 1))})
    spec = describe_region("locator", f"onnx:{path}", options={"resize": "letterbox"})
    assert OnnxLocator(spec, path).suggest(half_bright())[0].box == Box(20, 0, 40, 20)
    masks = mask_net(tmp_path / "mask.onnx")
    boxed = describe_region("masker", f"onnx:{masks}", options={**PLAIN, "resize": "letterbox"})
    mask = OnnxMasker(boxed, masks).object_mask(half_bright())
    assert not mask[:, :15].any()
    assert mask[:, 25:].all()
    with pytest.raises(BadOption, match="squash or letterbox"):
        describe_region("masker", f"onnx:{masks}", options={"resize": "shorter-side"})


def test_of_boxes_that_cover_the_same_the_surest_stays() -> None:
    boxes = [
        SuggestedBox(Box(0, 0, 10, 10), 0.5),
        SuggestedBox(Box(0, 0, 10, 11), 0.9),
        SuggestedBox(Box(5, 0, 15, 10), 0.7),
    ]
    assert [one.score for one in best_boxes(boxes)] == [0.9, 0.7]
    assert box_overlap(Box(0, 0, 2, 2), Box(1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert box_overlap(Box(0, 0, 2, 2), Box(2, 0, 3, 2)) == 0


def test_a_network_of_ours_suggests_by_its_last_map() -> None:
    spec = registry.describe("efficientnet-lite0")
    encoder = registry.load(registry.with_every_tap(spec), device="cpu")
    assert isinstance(encoder, Encoder)
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
    image = Image.new("RGB", (240, 120), (128, 128, 128))
    image.paste(Image.fromarray(noise).resize((80, 80)), (150, 20))
    (found,) = TapMapLocator(encoder).suggest(image)
    assert box_overlap(found.box, Box(150, 20, 230, 100)) > 0.3
    with pytest.raises(EncoderError, match="no tap of it is a map"):
        TapMapLocator(registry.load(registry.describe("tiny-vgg"), device="cpu"))  # type: ignore[arg-type]


def test_an_encoder_behind_a_masker_does_not_see_the_background(tmp_path: Path) -> None:
    path = mask_net(tmp_path / "mask.onnx")
    masker = OnnxMasker(describe_region("masker", f"onnx:{path}", options=PLAIN), path)
    inner = registry.load(registry.describe("colour-histogram"))
    assert isinstance(inner, Encoder)
    encoder = MaskedEncoder(inner, masker)
    pictures = []
    for number, dark in enumerate([(0, 0, 0), (0, 0, 90), (0, 90, 0)]):
        image = Image.new("RGB", (80, 80), dark)
        image.paste((255, 240, 230), (40, 0, 80, 80))
        image.save(tmp_path / f"{number}.png")
        pictures.append(Picture(str(number), tmp_path / f"{number}.png"))
    (tap,) = (tap.name for tap in inner.spec.taps)
    plain, masked = (
        np.concatenate([batch.vectors[tap] for batch in embed(one, pictures, taps=[tap])]) for one in (inner, encoder)
    )
    # At the edge of a mask of eight cells a little of the background remains.
    assert np.ptp(masked, axis=0).max() < 0.25 * np.ptp(plain, axis=0).max()
    # A box is cut out before the masker sees it: of the bright half alone everything is the thing.
    boxed = [Picture("b", tmp_path / "1.png", Box(40, 0, 80, 80))]
    (of_plain,), (of_masked,) = (next(iter(embed(one, boxed, taps=[tap]))).vectors[tap] for one in (inner, encoder))
    assert np.array_equal(of_plain, of_masked)


def test_where_nothing_would_be_left_the_picture_stays(tmp_path: Path) -> None:
    path = mask_net(tmp_path / "mask.onnx")
    masker = OnnxMasker(describe_region("masker", f"onnx:{path}", options=PLAIN), path)
    dark = Image.new("RGB", (20, 20), (10, 20, 30))
    assert masker.blank_background(dark) is dark


def test_a_record_survives_json_and_everything_that_changes_a_mask_changes_its_fingerprint(tmp_path: Path) -> None:
    path = mask_net(tmp_path / "mask.onnx")
    spec = describe_region("masker", f"onnx:{path}", options=PLAIN)
    assert RegionSpec.from_json(spec.to_json()) == spec
    others = [
        describe_region("masker", f"onnx:{path}", options={**PLAIN, **more})
        for more in ({"mean": 0.5}, {"least-score": 0.6}, {"resize": "letterbox"}, {"channels": "bgr"})
    ]
    assert len({spec.fingerprint, *(other.fingerprint for other in others)}) == 5
    (tmp_path / "elsewhere").mkdir()
    moved = mask_net(tmp_path / "elsewhere" / "mask.onnx")
    assert describe_region("masker", f"onnx:{moved}", options=PLAIN).fingerprint == spec.fingerprint


def test_a_masker_blanks_what_is_not_the_object(tmp_path: Path) -> None:
    path = mask_net(tmp_path / "mask.onnx")
    spec = describe_region("masker", f"onnx:{path}", options=PLAIN)
    masker = OnnxMasker(spec, path)
    assert not masker.object_mask(half_bright())[:, :15].any()
    assert masker.object_mask(half_bright())[:, 25:].all()
    blanked = masker.blank_background(half_bright())
    assert blanked.getpixel((5, 5)) == (127, 127, 127)
    assert blanked.getpixel((35, 5)) == (255, 255, 255)


def test_networks_of_another_kind_or_with_other_bytes_are_refused(tmp_path: Path) -> None:
    masks, finds = mask_net(tmp_path / "mask.onnx"), detector(tmp_path / "detector.onnx")
    with pytest.raises(EncoderError, match="no boxes"):
        describe_region("locator", f"onnx:{masks}")
    with pytest.raises(EncoderError, match="no mask"):
        describe_region("masker", f"onnx:{finds}")
    with pytest.raises(BadOption, match="written as onnx:FILE"):
        describe_region("masker", "grabcut")
    with pytest.raises(BadOption, match="one of shares, pixels"):
        describe_region("locator", f"onnx:{finds}", options={"boxes": "metres"})
    with pytest.raises(BadOption, match="no option boxes"):
        describe_region("masker", f"onnx:{masks}", options={"boxes": "shares"})
    with pytest.raises(BadOption, match="no option colour"):
        describe_region("masker", f"onnx:{masks}", options={"colour": "red"})
    with pytest.raises(BadOption, match="least-score must be a number"):
        describe_region("masker", f"onnx:{masks}", options={"least-score": "much"})
    with pytest.raises(BadOption, match="8 x 8 and no other size"):
        describe_region("masker", f"onnx:{masks}", options={"size": "9"})
    with pytest.raises(WeightsMissing, match="no file"):
        describe_region("masker", f"onnx:{tmp_path / 'nowhere.onnx'}")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(EncoderError, match="not an ONNX network"):
        describe_region("masker", f"onnx:{tmp_path / 'text.onnx'}")
    spec = describe_region("masker", f"onnx:{masks}")
    masks.write_bytes(finds.read_bytes())
    with pytest.raises(WeightsRefused):
        OnnxMasker(spec, masks)


def test_a_file_beyond_the_limit_and_one_with_weights_elsewhere_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = mask_net(tmp_path / "mask.onnx")
    apart = onnx.load(str(masks))
    apart.graph.initializer.append(numpy_helper.from_array(np.ones((64, 64), np.float32), "unused"))
    onnx.save_model(apart, str(tmp_path / "apart.onnx"), save_as_external_data=True, size_threshold=0)
    with pytest.raises(EncoderError, match="keeps its weights in a second file"):
        describe_region("masker", f"onnx:{tmp_path / 'apart.onnx'}")
    monkeypatch.setattr(region_networks, "MOST_BYTES", 10)
    with pytest.raises(WeightsRefused, match="the limit for a masker"):
        describe_region("masker", f"onnx:{masks}")


def test_masked_and_plain_vectors_never_share_a_key() -> None:
    plain = content_key("a" * 64, None)
    keys = [
        plain,
        key_for_item("a"),
        masked_key(plain, "shop", "b" * 64),
        masked_key(plain, "shop", "c" * 64),
        masked_key(plain, "shop2", "b" * 64),
        masked_key(content_key("a" * 64, (0, 0, 5, 5)), "shop", "b" * 64),
        masked_key(masked_key(plain, "shop", "b" * 64), "shop", "b" * 64),
    ]
    assert len(set(keys)) == len(keys)
    for name, sha256 in (("", "b" * 64), ("shop", "B" * 64), ("shop", "")):
        with pytest.raises(ValueError, match="name and its SHA-256"):
            masked_key(plain, name, sha256)
