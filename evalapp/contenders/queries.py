"""What is registered, and what the words of a contender mean."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Func, QuerySet

from evalapp.contenders.models import EmbeddingModel, TrainedOn
from evalapp.core.errors import InvalidInput
from models_registry.metrics import METRICS


@dataclass(frozen=True, slots=True)
class ContenderWords:
    """`MODEL.TAP:METRIC`, understood."""

    model: EmbeddingModel
    tap: str
    metric: str

    @property
    def name(self) -> str:
        """The words in full; the tap is left out where the model has only one."""
        tap = "" if len(self.model.spec["taps"]) == 1 else f".{self.tap}"
        return f"{self.model.name}{tap}:{self.metric}"


def registered_models() -> list[dict[str, Any]]:
    """Every registered model with its taps, dimensions and the hash of its weights, by name."""
    return [
        {
            "name": model.name,
            "source": model.source,
            "family": model.spec["family"],
            "taps": [{"name": tap["name"], "dim": tap["dim"]} for tap in model.spec["taps"]],
            "weights_sha256": model.spec["weights_sha256"],
            "fingerprint": model.fingerprint,
            "created_at": model.created_at.isoformat(),
        }
        for model in EmbeddingModel.objects.all()
    ]


def pictures_seen_by(models: Collection[int]) -> QuerySet[TrainedOn, str]:
    """SHA-256 of every picture that one of these models was trained on, as a sub-query."""
    known = TrainedOn.objects.filter(model__in=list(models))
    return known.annotate(sha256=Func(F("pictures"), function="unnest")).values_list("sha256", flat=True)


def parse_contender(words: str) -> ContenderWords:
    """Understand `MODEL[.TAP]:METRIC`; raises InvalidInput naming what is known where the words are off.

    Names of models may contain dots: the whole left side is tried as a model first, then without its last part.
    """
    left, colon, metric = words.rpartition(":")
    if not colon or metric not in METRICS:
        raise InvalidInput(f"{words!r} is no contender; write MODEL.TAP:METRIC with one of {', '.join(METRICS)}.")
    known = {model.name: model for model in EmbeddingModel.objects.filter(name__in=[left, left.rpartition(".")[0]])}
    if left in known:
        return _with_only_tap(words, known[left], metric)
    name, _, tap = left.rpartition(".")
    if name not in known:
        names = ", ".join(EmbeddingModel.objects.values_list("name", flat=True)) or "none is registered"
        raise InvalidInput(f"{words!r} names no registered model; known: {names}. Register one with register_model.")
    taps = [entry["name"] for entry in known[name].spec["taps"]]
    if tap not in taps:
        raise InvalidInput(f"{name} has no tap {tap!r}; it has {', '.join(taps)}.")
    return ContenderWords(known[name], tap, metric)


def _with_only_tap(words: str, model: EmbeddingModel, metric: str) -> ContenderWords:
    taps = [entry["name"] for entry in model.spec["taps"]]
    if len(taps) > 1:
        raise InvalidInput(f"{words!r} leaves the tap open; {model.name} has {', '.join(taps)}.")
    return ContenderWords(model, taps[0], metric)
