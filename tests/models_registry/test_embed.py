"""Pictures in, vectors out: in order, whatever fails, whatever the threads."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models_registry import registry
from models_registry.embed import Batch, Picture, embed
from models_registry.encoders.encoder_base import Encoder, Vectors
from models_registry.errors import EncoderError, NonFiniteVectors
from models_registry.pictures import open_rgb
from models_registry.preprocess import prepare_picture
from models_registry.spec import Box, EncoderSpec, Preprocess, Tap


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (20 + seed % 5, 30, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class Recorder(Encoder):
    """An encoder whose vector is the mean colour; it counts its passes and who is in them at once."""

    def __init__(self) -> None:
        super().__init__(EncoderSpec("test", 1, "test", (Tap("mean", 3), Tap("max", 3)), Preprocess((16, 16))))
        self.passes: list[int] = []
        self._lock = threading.Lock()

    def _forward_batch(self, batch: np.ndarray, taps: Sequence[str]) -> Vectors:
        with self._lock:
            self.passes.append(len(batch))
        return {tap: getattr(batch, tap)(axis=(2, 3)) for tap in taps}


def pictures(count: int) -> list[Picture]:
    return [Picture(str(seed), png(seed)) for seed in range(count)]


def gathered(batches: Sequence[Batch], tap: str) -> np.ndarray:
    return np.concatenate([batch.vectors[tap] for batch in batches])


@pytest.mark.parametrize("decoders", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [1, 5, 32, 100])
def test_vectors_come_in_order_whatever_the_threads_and_batches(decoders: int, batch_size: int) -> None:
    encoder = Recorder()
    given = pictures(37)

    batches = list(embed(encoder, given, taps=["mean"], batch_size=batch_size, decoders=decoders))

    one_by_one = [
        encoder.encode(prepare_picture(open_rgb(png(seed)), None, Preprocess((16, 16)))[None], ["mean"])["mean"][0]
        for seed in range(37)
    ]
    assert np.concatenate([batch.indices for batch in batches]).tolist() == list(range(37))
    assert np.allclose(gathered(batches, "mean"), one_by_one, atol=1e-6)
    assert [len(batch.indices) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)


def test_all_taps_share_one_pass() -> None:
    encoder = Recorder()

    batches = list(embed(encoder, pictures(20), taps=["mean", "max"]))

    assert encoder.passes == [8, 8, 8], "the last is filled up"
    assert gathered(batches, "max").shape == gathered(batches, "mean").shape == (20, 3)


def test_a_picture_gets_the_same_bytes_whoever_comes_along() -> None:
    encoder = registry.load(registry.describe("tiny-vgg", options={"size": "64"}), device="cpu")
    assert isinstance(encoder, Encoder)
    given = pictures(11)
    together = gathered(list(embed(encoder, given, taps=["fc6"])), "fc6")
    apart = [next(embed(encoder, [one], taps=["fc6"])).vectors["fc6"][0] for one in given]
    in_pairs = gathered(list(embed(encoder, given, taps=["fc6"], batch_size=2)), "fc6")
    assert together.tobytes() == np.stack(apart).tobytes()
    assert np.allclose(in_pairs, together, atol=1e-5)


def test_a_bad_picture_never_stops_the_rest(tmp_path: Path) -> None:
    def broken_source() -> bytes:
        raise ConnectionError("the store is away")

    given = pictures(6)
    given[0] = Picture("empty", b"")
    given[2] = Picture("text", b"hello, I am a text")
    given[3] = Picture("gone", tmp_path / "gone.jpg")
    given[4] = Picture("away", broken_source)
    given[5] = Picture("outside", png(5), Box(500, 500, 600, 600))

    (batch,) = embed(Recorder(), given, taps=["mean"])

    assert batch.indices.tolist() == [1]
    assert batch.vectors["mean"].shape == (1, 3)
    codes = {index: reason.partition(":")[0] for index, reason in batch.failures}
    assert codes == {0: "empty", 2: "not-a-picture", 3: "unreadable", 4: "unreadable", 5: "empty-box"}
    assert dict(batch.failures)[4] == "unreadable: the store is away"


def test_a_batch_of_bad_pictures_has_empty_vectors() -> None:
    (batch,) = embed(Recorder(), [Picture("a", b""), Picture("b", b"")], taps=["mean", "max"])

    assert batch.indices.tolist() == []
    assert {tap: rows.shape for tap, rows in batch.vectors.items()} == {"mean": (0, 3), "max": (0, 3)}


def test_bytes_paths_and_functions_are_alike(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(png(3))
    given = [Picture("bytes", png(3)), Picture("path", path), Picture("function", lambda: png(3))]

    (batch,) = embed(Recorder(), given, taps=["mean"])

    assert (batch.vectors["mean"] == batch.vectors["mean"][0]).all()


def test_boxes_are_cropped_first() -> None:
    out = io.BytesIO()
    open_rgb(png(1)).crop((4, 5, 20, 15)).save(out, "PNG")

    (batch,) = embed(
        Recorder(), [Picture("box", png(1), Box(4, 5, 20, 15)), Picture("cut", out.getvalue())], taps=["mean"]
    )

    assert np.array_equal(*batch.vectors["mean"])


def test_progress_counts_up_to_all() -> None:
    steps: list[tuple[int, int]] = []

    list(embed(Recorder(), pictures(10), taps=["mean"], batch_size=4, on_progress=lambda *step: steps.append(step)))

    assert steps == [(4, 10), (8, 10), (10, 10)]


def test_nothing_gives_nothing() -> None:
    assert list(embed(Recorder(), [], taps=["mean"])) == []


def test_only_a_few_passes_are_begun_before_their_vectors_are_taken() -> None:
    opened: list[int] = []

    def source(seed: int) -> bytes:
        opened.append(seed)
        return png(seed)

    given = [Picture(str(seed), lambda seed=seed: source(seed)) for seed in range(400)]
    batches = embed(Recorder(), given, taps=["mean"], batch_size=8, decoders=2)

    next(batches)
    batches.close()

    assert len(opened) <= 8 * (1 + 2 * 2)


def test_an_error_of_the_network_is_raised_and_leaves_no_thread() -> None:
    class Broken(Recorder):
        def _forward_batch(self, batch: np.ndarray, taps: Sequence[str]) -> Vectors:
            return {tap: np.full((len(batch), 3), np.nan, dtype=np.float32) for tap in taps}

    with pytest.raises(NonFiniteVectors, match="NaN or infinity at mean"):
        list(embed(Broken(), pictures(30), taps=["mean"], decoders=2))

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embed")]


def test_an_unknown_tap_is_refused() -> None:
    with pytest.raises(EncoderError, match="no tap fc6"):
        list(embed(Recorder(), pictures(2), taps=["fc6"]))


def test_each_lane_gets_its_share_of_the_cores() -> None:
    encoder = Recorder()

    list(embed(encoder, pictures(1), taps=["mean"], decoders=64))

    assert encoder.threads == 1


def test_a_real_family_gives_the_same_vectors_with_any_number_of_lanes() -> None:
    encoder = registry.load(registry.describe("tiny-vgg"), device="cpu")
    assert isinstance(encoder, Encoder)

    one, three = (
        gathered(list(embed(encoder, pictures(20), taps=["fc6"], decoders=decoders)), "fc6") for decoders in (1, 3)
    )

    assert np.abs(one - three).max() <= 1e-5 * np.abs(one).max()


def test_processes_that_decode_give_the_same_vectors_and_failures(tmp_path: Path) -> None:
    for seed in range(7):
        (tmp_path / f"{seed}.png").write_bytes(png(seed))
    (tmp_path / "3.png").write_bytes(b"not a picture")
    given = [Picture(str(seed), tmp_path / f"{seed}.png", Box(1, 1, 9, 9)) for seed in range(7)]

    def run(processes: bool) -> list[Batch]:
        return list(embed(Recorder(), given, taps=["mean"], batch_size=3, decoders=1, processes=processes))

    alone, apart = run(processes=False), run(processes=True)

    np.testing.assert_array_equal(gathered(apart, "mean"), gathered(alone, "mean"))
    assert [batch.failures for batch in apart] == [batch.failures for batch in alone]
    assert [index for batch in apart for index, _ in batch.failures] == [3]


def test_an_encoder_that_takes_pixels_gets_them_and_gives_the_same_vectors() -> None:
    encoder = registry.load(registry.describe("tiny-vgg"), device="cpu")
    assert isinstance(encoder, Encoder)
    alone = gathered(list(embed(encoder, pictures(20), taps=["fc6"], decoders=1, processes=False)), "fc6")
    kinds: list[np.dtype[Any]] = []
    encode = encoder.encode
    encoder.takes_pixels = True
    encoder.encode = lambda batch, taps: (kinds.append(batch.dtype), encode(batch, taps))[1]  # type: ignore[method-assign]

    apart = gathered(list(embed(encoder, pictures(20), taps=["fc6"], decoders=1, processes=True)), "fc6")

    assert {str(kind) for kind in kinds} == {"uint8"}
    np.testing.assert_array_equal(apart, alone)


def test_no_memory_is_left_behind_when_the_caller_stops_early(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[SharedMemory] = []

    class Noted(SharedMemory):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr("models_registry.decoding_pool.SharedMemory", Noted)
    given = [Picture(str(seed), png(seed)) for seed in range(60)]
    found = embed(Recorder(), given, taps=["mean"], batch_size=3, decoders=1, processes=True)
    next(found)
    found.close()  # type: ignore[attr-defined]

    assert made
    for block in made:
        with pytest.raises(FileNotFoundError):
            SharedMemory(block.name)


def test_pictures_of_a_store_are_fetched_at_once_and_decoded_by_the_processes() -> None:
    """A pass of a device is 256 pictures: one answer after another, it would wait longer than it computes."""
    room = threading.Barrier(8, timeout=30)

    def source(seed: int) -> bytes:
        room.wait()  # nobody gets past unless eight are asked for at the same time
        if seed == 3:
            raise OSError("the store is away")
        return png(seed)

    given = [Picture(str(seed), lambda seed=seed: source(seed)) for seed in range(8)]
    (batch,) = embed(Recorder(), given, taps=["mean"], batch_size=8, decoders=1, processes=True)
    (near,) = embed(Recorder(), given, taps=["mean"], batch_size=8, decoders=1, processes=False)

    assert batch.indices.tolist() == near.indices.tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert batch.failures == near.failures == [(3, "unreadable: the store is away")]
    np.testing.assert_array_equal(batch.vectors["mean"], near.vectors["mean"])


def test_decoding_processes_know_no_torch() -> None:
    from models_registry.decoding_pool import decoding_processes

    assert decoding_processes(1).submit(_loaded, "torch").result() is False


def _loaded(module: str) -> bool:
    import sys

    return module in sys.modules
