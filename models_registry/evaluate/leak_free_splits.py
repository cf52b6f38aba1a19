"""Splits that leak nothing: by product, else by clusters of near duplicates, fixed by a hash; or by whole groups.

The unit never lies in two splits, and where it lies depends on its name and the salt alone: a catalogue that grows
moves nothing that was split before.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from PIL import Image

Split = Literal["train", "val", "test"]
SHARES: Mapping[Split, float] = {"train": 0.7, "val": 0.1, "test": 0.2}
NEAR = 3
"""Bits of 64 in which the hashes of two near duplicates differ at most."""


def split_of(unit: str, *, salt: str, shares: Mapping[Split, float] = SHARES) -> Split:
    """The split of everything that bears this unit's name.

    The first 8 bytes of SHA-256 of `salt/unit`, read as a share of 1, fall into one of the shares in their order.
    Raises ValueError unless the shares are not negative and add to 1.
    """
    if any(share < 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-9:
        raise ValueError("The shares of the splits must not be negative and add to 1.")
    share_of_unit = int.from_bytes(hashlib.sha256(f"{salt}/{unit}".encode()).digest()[:8]) / 2**64
    bound = 0.0
    chosen: Split = "train"
    for name, share in shares.items():
        bound += share
        if share > 0:
            chosen = name
            if share_of_unit < bound:
                break
    return chosen


def split_units(
    products: Sequence[str | None], keys: Sequence[str], hashes: NDArray[np.uint64] | None = None, *, near: int = NEAR
) -> list[str]:
    """The unit of each item [N]: its product, else its cluster of near duplicates, else the item itself.

    `hashes` [N] are the pictures' `difference_hash`. Near duplicates bind units together: two products that share
    a picture are one unit, named by the smallest name in it, so that no picture lies on both sides of a split.
    """
    unit_names = [
        f"product/{product}" if product else f"item/{key}" for product, key in zip(products, keys, strict=True)
    ]
    if hashes is None:
        return unit_names
    numbers = {name: number for number, name in enumerate(dict.fromkeys(unit_names))}
    groups = _Groups(len(numbers))
    cluster_of = near_duplicates(hashes, near=near)
    first: dict[int, int] = {}
    for name, cluster in zip(unit_names, cluster_of.tolist(), strict=True):
        groups.join_sets(numbers[name], first.setdefault(cluster, numbers[name]))
    smallest: dict[int, str] = {}
    for name, number in numbers.items():
        root = groups.root_of(number)
        smallest[root] = min(name, smallest.get(root, name))
    return [smallest[groups.root_of(numbers[name])] for name in unit_names]


def split_whole_groups(
    group_names: Sequence[str | None], *, salt: str, shares: Mapping[Split, float] = SHARES
) -> list[Split | None]:
    """The split of each item [N] where few large groups, as categories or departments, must stay whole.

    Of three groups a hash alone would leave a split empty: here the groups, in the order of their hashes, fill test,
    then validation, until each has its share of the items or more, and at least one; the rest trains. Another group in
    the catalogue may therefore move others. Items without a group are in no split, since nobody knows whether training
    shows their like. Raises ValueError for fewer than three groups.
    """
    sizes = Counter(name for name in group_names if name)
    if len(sizes) < 3:
        raise ValueError(f"{len(sizes)} groups cannot be split in three.")
    left = sorted(sizes, key=lambda name: hashlib.sha256(f"{salt}/{name}".encode()).digest())
    split_of_group: dict[str, Split] = {}
    fewest_left: dict[Split, int] = {"test": 2, "val": 1}
    for split, fewest in fewest_left.items():
        wanted = shares[split] * sum(sizes.values())
        while wanted > 0 and len(left) > fewest:
            name = left.pop(0)
            split_of_group[name] = split
            wanted -= sizes[name]
    return [split_of_group.get(name, "train") if name else None for name in group_names]


def difference_hash(image: Image.Image) -> int:
    """64 bits of a picture's brightness: whether each of 8 x 8 cells is darker than its right neighbour.

    Stays the same, or nearly, when a picture is compressed again or resized; mirrored and cropped pictures get
    another one.
    """
    from PIL import Image

    grey = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = np.packbits(grey[:, :-1] < grey[:, 1:])
    return int.from_bytes(bits.tobytes())


def near_duplicates(hashes: NDArray[np.uint64], *, near: int = NEAR) -> NDArray[np.int64]:
    """A cluster number per hash [N]: hashes within `near` bits are joined, and what is joined to one is to all.

    Exact, without comparing all pairs: cut into near + 1 bands, two such hashes agree in at least one of them. The
    hash 0 is that of a picture without any contrast from left to right: it says nothing, and joins nothing.
    """
    distinct, number = np.unique(hashes, return_inverse=True)
    groups = _Groups(len(distinct))
    edges = np.linspace(0, 64, near + 2).astype(int)
    for low, high in pairwise(edges.tolist()):
        mask = np.uint64((1 << (high - low)) - 1)
        band = (distinct >> np.uint64(low)) & mask
        order = np.argsort(band, kind="stable")
        order = order[distinct[order] != 0]
        for bucket in np.split(order, 1 + np.flatnonzero(np.diff(band[order]))):
            _join_near(groups, distinct, bucket, near)
    roots = np.array([groups.root_of(index) for index in range(len(distinct))], dtype=np.int64)
    alone = np.flatnonzero(hashes == 0)
    clusters: NDArray[np.int64] = roots[number]
    clusters[alone] = len(distinct) + np.arange(len(alone))
    return clusters


def _join_near(groups: _Groups, distinct: NDArray[np.uint64], bucket: NDArray[np.int64], near: int) -> None:
    for position in range(len(bucket) - 1):
        lead, others = bucket[position], bucket[position + 1 :]
        close = others[np.bitwise_count(distinct[lead] ^ distinct[others]) <= near]
        for other in close.tolist():
            groups.join_sets(int(lead), other)


class _Groups:
    """Disjoint sets of numbers; the smallest number of a set is its root."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root_of(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def join_sets(self, one: int, other: int) -> None:
        low, high = sorted((self.root_of(one), self.root_of(other)))
        self._parent[high] = low
