"""Registered locators and maskers."""

from __future__ import annotations

from typing import Any

from evalapp.contenders.models import RegionNetwork
from evalapp.core.domain.errors import InvalidInput


def region_networks(kind: str = "") -> list[dict[str, Any]]:
    """All that are registered, or those of a kind: how they read pictures and what they write."""
    rows = RegionNetwork.objects.filter(kind=kind) if kind else RegionNetwork.objects.all()
    return [
        {
            "kind": row.kind,
            "name": row.name,
            "source": row.source,
            "size": list(row.spec["preprocess"]["size"]),
            "outputs": list(row.spec["outputs"]),
            "layout": row.spec["layout"],
            "least_score": row.spec["least_score"],
            "sha256": row.spec["sha256"],
            "fingerprint": row.fingerprint,
            "created_at": row.created_at.isoformat(),
        }
        for row in rows
    ]


def region_network(kind: str, name: str) -> RegionNetwork:
    """The one of this kind and name; raises InvalidInput naming what there is."""
    network = RegionNetwork.objects.filter(kind=kind, name=name).first()
    if network is None:
        names = ", ".join(RegionNetwork.objects.filter(kind=kind).values_list("name", flat=True))
        choices_text = f"there are {names}" if names else f"none is registered; register one with register_{kind}"
        raise InvalidInput(f"There is no {kind} {name!r}; {choices_text}.")
    return network
