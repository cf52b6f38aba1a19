"""Vectors laid out on a plane so that near ones lie near each other: t-SNE, after a PCA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST, MOST = 10, 5000
_COMPONENTS = 50
_PERPLEXITY = 30.0
_FLAT = 1e-6


def tsne(vectors: NDArray[np.float32], *, seed: int = 0, perplexity: float = _PERPLEXITY) -> NDArray[np.float32]:
    """Places [n, 2] in -1 … 1 of vectors [n, d], compared by their directions (cosine).

    Rows are brought to length 1 and reduced to 50 principal components; Barnes-Hut t-SNE (van der Maaten, 2014) starts
    from the first two, so that the same vectors and seed give the same map. The perplexity is
    lowered where there are few points. Raises ValueError for fewer than LEAST or more than MOST rows, or values that
    are not finite.
    """
    if not LEAST <= len(vectors) <= MOST:
        raise ValueError(f"A map holds between {LEAST} and {MOST:,} pictures, not {len(vectors):,}.")
    if not np.isfinite(vectors).all():
        raise ValueError("Some vectors hold NaN or infinity: they have no place on a map.")
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    reduced = _principal_components(_unit_rows(vectors))
    spread = float(reduced[:, 0].std())
    if spread < _FLAT:
        return np.zeros((len(vectors), 2), dtype=np.float32)
    start = np.zeros((len(vectors), 2), dtype=np.float32)
    start[:, : reduced.shape[1]] = reduced[:, :2] / spread * 1e-4
    layout = TSNE(
        n_components=2, perplexity=min(perplexity, (len(vectors) - 1) / 3), init=start, random_state=seed, n_jobs=1
    )
    # One thread: sums in another order would lay another map, and on a busy machine threads wait for each other.
    with threadpool_limits(1):
        return _into_the_square(layout.fit_transform(reduced))


def _unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(lengths > 0, lengths, 1.0)


def _principal_components(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    centred = rows - rows.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    # A principal component has no sign of its own: by its largest entry no map is mirrored by chance.
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])])
    kept = min(_COMPONENTS, len(values))
    reduced: NDArray[np.float32] = (left * signs * values)[:, :kept].astype(np.float32)
    return reduced


def _into_the_square(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shifted and scaled, both axes alike, so that the farthest point lies at the edge."""
    centred = places - (places.max(axis=0) + places.min(axis=0)) / 2
    reach = float(np.abs(centred).max()) or 1.0
    placed: NDArray[np.float32] = (centred / reach).astype(np.float32)
    return placed
