"""What recipes learn from votes: items with vectors, and who liked which candidate for which query."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models_registry.devices import free_memory
from models_registry.training.common.training_errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.embed import Picture
    from models_registry.metrics import Metric
    from models_registry.spec import EncoderSpec
    from models_registry.store import Vectors

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Labels = Sequence[str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Ballots:
    """Verdicts [T], one row each: rows of the query and the candidate among the items, the voter's number, whether
    it was liked, and its weight in 0..1, the probability that the voter means what they say."""

    query: Ids
    candidate: Ids
    voter: Ids
    like: NDArray[np.bool_]
    weight: Floats

    def __len__(self) -> int:
        return len(self.query)

    def where(self, rows: NDArray[np.bool_]) -> Ballots:
        """Those of the rows."""
        return Ballots(self.query[rows], self.candidate[rows], self.voter[rows], self.like[rows], self.weight[rows])

    def summed_pairs(self) -> Pairs:
        """The same, summed over voters per query and candidate."""
        if not len(self):
            empty = np.empty(0, dtype=np.int64)
            return Pairs(empty, empty, np.empty(0), np.empty(0))
        base = 1 + int(max(self.query.max(), self.candidate.max()))
        codes, pair_of_ballot = np.unique(self.query * base + self.candidate, return_inverse=True)
        likes = np.bincount(pair_of_ballot, self.weight * self.like, minlength=len(codes)).astype(np.float64)
        nopes = np.bincount(pair_of_ballot, self.weight * ~self.like, minlength=len(codes)).astype(np.float64)
        has_weight = likes + nopes > 0
        return Pairs((codes // base)[has_weight], (codes % base)[has_weight], likes[has_weight], nopes[has_weight])


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Distinct pairs [P] with the weight of their likes and nopes. Never classes: likes are not transitive."""

    query: Ids
    candidate: Ids
    likes: Floats
    nopes: Floats

    def __len__(self) -> int:
        return len(self.query)

    @property
    def weight(self) -> Floats:
        """All votes of each pair."""
        return self.likes + self.nopes

    @property
    def share(self) -> Floats:
        """The share of likes, the soft label: split votes stay split, and nothing is rounded to a majority."""
        return self.likes / self.weight

    def where(self, rows: NDArray[np.bool_]) -> Pairs:
        """Those of the rows."""
        return Pairs(self.query[rows], self.candidate[rows], self.likes[rows], self.nopes[rows])


def join_pairs(parts: Sequence[Pairs]) -> Pairs:
    """The pairs of all parts, one part after the other."""
    columns = ((one.query, one.candidate, one.likes, one.nopes) for one in parts)
    query, candidate, likes, nopes = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Pairs(query, candidate, likes, nopes)


@dataclass(frozen=True, slots=True)
class Span:
    """Components `start`..`stop` of the base vectors: what one encoder, or one block of its vector, brings."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Rival:
    """A registered embedding under a metric over the same items; `competed` in the studies the votes come from."""

    name: str
    metric: Metric
    vectors: Vectors
    competed: bool


@dataclass(frozen=True, slots=True, eq=False)
class VoteData:
    """Items [n] in the order of their keys, with the base encoder's vectors, and the ballots about them.

    `voters` names the voters by number, by pseudonyms that stay the same over generations; `salt` fixes the splits
    of the catalogue's lineage. `answers` [n] says which items may be answers, all where it is empty: a study may ask
    from one domain in another. `spans` cut the base vectors into what each encoder brings. `rivals` are only needed
    by `calibrate`.
    """

    name: str
    keys: Sequence[str]
    sha256s: Sequence[str]
    categories: Labels
    products: Labels
    pictures: Sequence[Picture]
    base: EncoderSpec
    base_tap: str
    base_weights: Path | None
    vectors: Vectors
    spans: Sequence[Span]
    ballots: Ballots
    voters: Sequence[str]
    salt: str
    rivals: Sequence[Rival] = ()
    answers: Sequence[bool] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    def base_matrix(self) -> NDArray[np.float32]:
        """The base vectors [n, d]; raises TrainingError where the machine has no memory for what is made of them."""
        require_memory(self)
        return np.array(self.vectors.rows(0, len(self.keys)), dtype=np.float32)

    def gallery_rows(self) -> Ids:
        """The rows of the items that may be answers."""
        return np.flatnonzero(self.answers) if self.answers else np.arange(len(self.keys), dtype=np.int64)

    def asking_rows(self) -> Ids:
        """The rows of the items that may be asked about: where some are no answers, those alone."""
        apart = np.flatnonzero(~np.array(self.answers, dtype=bool))
        return apart if len(apart) else np.arange(len(self.keys), dtype=np.int64)

    @property
    def snapshot(self) -> str:
        """SHA-256 (hex) over the items, their boxes and every ballot: what a model names as what it learnt from."""
        digest = hashlib.sha256(self.salt.encode())
        for key, sha256 in zip(self.keys, self.sha256s, strict=True):
            digest.update(f"{key}\n{sha256}\n".encode())
        digest.update("".join(f"{picture.box}\n" for picture in self.pictures).encode())
        ballots = self.ballots
        for column in (ballots.query, ballots.candidate, ballots.like, ballots.weight):
            digest.update(np.ascontiguousarray(column).tobytes())
        digest.update("\n".join(self.voters[voter] for voter in ballots.voter.tolist()).encode())
        return digest.hexdigest()


COPIES = 3
"""Matrices of the size of the base vectors that a recipe holds at once: as they are, around their mean, at length 1
and in blocks."""


def require_memory(data: VoteData) -> None:
    """Raise TrainingError where the base vectors are too large for this machine: else the worker would be killed."""
    count, dim = len(data.keys), data.vectors.dim
    needed, free = COPIES * 4 * count * dim, free_memory()
    if free is not None and needed > free:
        raise TrainingError(
            f"{data.name} has {count:,} items of {dim:,} numbers: learning from votes takes "
            f"{needed / 2**30:.1f} GiB of memory, and this machine has {free / 2**30:.1f} free. Take a base with "
            "fewer numbers or a smaller gallery, or a worker with more memory."
        )


def require_votes(data: VoteData, fewest: int) -> None:
    """Raise TrainingError unless there are so many verdicts, and likes and nopes among them."""
    likes = int(data.ballots.like.sum())
    if len(data.ballots) < fewest:
        raise TrainingError(
            f"{data.name} has {len(data.ballots)} votes that can be learnt from, and {fewest} are needed: "
            "let people vote on."
        )
    if likes in (0, len(data.ballots)):
        raise TrainingError(f"All votes of {data.name} say the same; there is nothing to tell apart.")
