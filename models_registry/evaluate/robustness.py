"""How much of an encoder's answer survives what happens to photos on their way."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.embed import Picture, embed
from models_registry.evaluate.corruptions import CORRUPTIONS, corrupt_picture
from models_registry.evaluate.resampling import Interval, bootstrap
from models_registry.neighbours import nearest
from models_registry.pictures import open_rgb
from models_registry.store import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from models_registry.decoding_pool import Source
    from models_registry.encoders.encoder_base import Encoder
    from models_registry.metrics import Metric

TOP = 10


@dataclass(frozen=True, slots=True)
class Survival:
    """One corruption: the share of the top 10 that stays in it, and how often the first answer stays the first."""

    corruption: str
    strength: float
    overlap: Interval
    same_first: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Queries [Q] as pictures, and the gallery's vectors [N, d] of the same encoder and tap; a query is not its own
    answer, by `query_ids` [Q] and `gallery_ids` [N]."""

    pictures: Sequence[Picture]
    query_ids: NDArray[np.int64]
    gallery: Vectors
    gallery_ids: NDArray[np.int64]


def measure_robustness(
    encoder: Encoder,
    tap: str,
    metric: Metric,
    queries: Asked,
    *,
    strength: float = 0.5,
    seed: int = 0,
    corruptions: Iterable[str] = tuple(CORRUPTIONS),
    on_progress: Callable[[str], None] = lambda _name: None,
) -> list[Survival]:
    """The survival of the answers to corrupted queries, one line per corruption; the gallery stays as it is.

    Both times the query is embedded anew by the same encoder; pictures that cannot be read are passed over. Only the
    box of a picture is corrupted, as that is all an encoder sees. The same seed gives the same damage.
    """
    clean, is_embedded = _top_answers(encoder, tap, metric, queries, list(queries.pictures))
    lines = []
    for name in corruptions:
        damaged = [_damaged_picture(picture, name, strength, seed) for picture in queries.pictures]
        damaged_answers, is_damaged_embedded = _top_answers(encoder, tap, metric, queries, damaged)
        both = np.flatnonzero(is_embedded & is_damaged_embedded)
        lines.append(_survival_of(name, strength, clean[both], damaged_answers[both], seed))
        on_progress(name)
    return lines


def _survival_of(
    name: str, strength: float, clean: NDArray[np.int64], damaged: NDArray[np.int64], seed: int
) -> Survival:
    sizes = (clean >= 0).sum(axis=1)
    stayed = ((clean[:, :, None] == damaged[:, None, :]) & (clean[:, :, None] >= 0)).any(axis=2).sum(axis=1)
    overlap = np.where(sizes > 0, stayed / np.maximum(sizes, 1), np.nan)
    first = np.where(sizes > 0, clean[:, 0] == damaged[:, 0], np.nan)
    return Survival(name, strength, bootstrap(overlap, seed=seed), bootstrap(first, seed=seed))


def _top_answers(
    encoder: Encoder, tap: str, metric: Metric, queries: Asked, pictures: list[Picture]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The top 10 of each query [Q, 10], -1 where there is none, and which queries could be embedded [Q]."""
    top = np.full((len(pictures), TOP), -1, dtype=np.int64)
    is_embedded = np.zeros(len(pictures), dtype=np.bool_)
    for batch in embed(encoder, pictures, taps=[tap]):
        if not len(batch.indices):
            continue
        answers = nearest(
            Vectors.from_array(batch.vectors[tap]),
            queries.gallery,
            metric=metric,
            k=TOP,
            query_ids=queries.query_ids[batch.indices],
            gallery_ids=queries.gallery_ids,
        )
        top[batch.indices], is_embedded[batch.indices] = answers.indices, True
    return top, is_embedded


def _damaged_picture(picture: Picture, name: str, strength: float, seed: int) -> Picture:
    def draw_damaged() -> bytes:
        image = open_rgb(_source_bytes(picture.source))
        if picture.box is not None:
            inside = picture.box.clamp_to(image.width, image.height)
            image = image.crop((inside.x1, inside.y1, inside.x2, inside.y2))
        out = BytesIO()
        picture_seed = int.from_bytes(hashlib.sha256(f"{seed}/{name}/{picture.key!r}".encode()).digest()[:4])
        corrupt_picture(name, image, strength=strength, seed=picture_seed).save(out, "PNG", compress_level=1)
        return out.getvalue()

    return Picture(picture.key, draw_damaged)


def _source_bytes(source: Source) -> bytes:
    if callable(source):
        return source()
    return source if isinstance(source, bytes) else source.read_bytes()
