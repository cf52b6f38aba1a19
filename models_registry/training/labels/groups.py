"""Which items count as the same: groups for the recipes that learn a metric, and the batches drawn from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels.batch_sampler import BalancedSampler
from models_registry.training.labels.labelled_pictures import label_codes
from models_registry.training.labels.run_context import require_categories, require_domains, require_products
from models_registry.training.labels.validation import Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models_registry.training.labels.label_configs import MetricConfig
    from models_registry.training.labels.labelled_pictures import LabelledPictures
    from models_registry.training.labels.run_context import Session

    Ids = NDArray[np.int64]


def check_groups(data: LabelledPictures, config: MetricConfig) -> None:
    """Raise UnusableLabels where nothing can be pulled together or nothing apart."""
    if config.by == "category":
        require_categories(data)
    else:
        require_products(data)
        if config.by == "domains":
            require_domains(data, config.query_domain, config.gallery_domain)


def ways_of(config: MetricConfig) -> list[Way]:
    """How the run is judged: among all pictures, or from each of two domains in the other; by what it is told to pull
    together."""
    by_roles = config.split == "catalogue"
    if config.by == "category":
        return [Way("", hide_products=True, by_roles=by_roles)]
    if config.by != "domains":
        return [Way("", by_roles=by_roles)]
    query_domain, gallery_domain = config.query_domain, config.gallery_domain
    return [
        Way(f"{query_domain} to {gallery_domain}", query_domain, gallery_domain),
        Way(f"{gallery_domain} to {query_domain}", gallery_domain, query_domain),
    ]


@dataclass(frozen=True)
class Groups:
    """The training pictures in groups: `group_of` [n of all pictures] is the group's number, -1 for none.

    With two domains, `is_query` says of each picture from which of them it is.
    """

    group_of: Ids
    names: list[str]
    is_query: NDArray[np.bool_] | None
    sampler: BalancedSampler
    batches: int

    @classmethod
    def from_session(cls, session: Session, config: MetricConfig) -> Groups:
        """Raises UnusableLabels where fewer than two groups of the training split have two pictures."""
        data, rows = session.data, session.splits["train"]
        labels = data.categories if config.by == "category" else data.products
        group_of, names = label_codes(labels)
        category_of, _ = label_codes(data.categories)
        is_query = None
        if config.by == "domains":
            is_query = np.array([domain == config.query_domain for domain in data.domains])
            # What is of neither domain is in no group: it would count as the other side.
            in_either_domain = np.array(
                [domain in (config.query_domain, config.gallery_domain) for domain in data.domains]
            )
            group_of = np.where(in_either_domain, group_of, -1)
            rows = rows[_in_both_domains(group_of, is_query, rows)]
        categories = category_of if config.by != "category" else group_of
        sampler = BalancedSampler(
            rows,
            group_of[rows],
            categories[rows],
            groups=config.groups,
            per_group=config.per_group,
            categories=config.categories,
        )
        if sampler.usable_groups < 2:
            raise UnusableLabels(
                f"Fewer than two groups of the training pictures of {data.name} have more than one picture; import "
                "more pictures, or give less to validation_share and test_share."
            )
        once_through = max(1, len(rows) // (config.groups * config.per_group))
        return cls(group_of, names, is_query, sampler, config.batches or once_through)

    def draw_batches(self, rng: np.random.Generator) -> Iterator[Ids]:
        """The batches of an epoch; with two domains each group brings pictures of both."""
        for batch in self.sampler.draw_batches(self.batches, rng):
            yield self._complete_domains(batch, rng)

    def _complete_domains(self, batch: Ids, rng: np.random.Generator) -> Ids:
        if self.is_query is None:
            return batch
        added = [batch]
        for group in np.unique(self.group_of[batch]):
            members = self.sampler.group_members(int(group))
            for side in (True, False):
                members_of_side = members[self.is_query[members] == side]
                if not np.any(self.is_query[batch[self.group_of[batch] == group]] == side):
                    added.append(rng.choice(members_of_side, 1))
        return np.concatenate(added)


def _in_both_domains(group_of: Ids, is_query: NDArray[np.bool_], rows: Ids) -> NDArray[np.bool_]:
    """Which of the rows belong to groups with pictures of both domains."""
    query_groups = set(group_of[rows[is_query[rows]]].tolist())
    gallery_groups = set(group_of[rows[~is_query[rows]]].tolist())
    both = (query_groups & gallery_groups) - {-1}
    return np.isin(group_of[rows], list(both))
