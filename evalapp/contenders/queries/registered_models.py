"""Registered models, and the contender that a text such as `vgg.fc6:l2` names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Func, QuerySet

from evalapp.contenders.models import EmbeddingModel, TrainedOn
from evalapp.core.domain.errors import InvalidInput, NotFound
from models_registry.metrics import METRICS


@dataclass(frozen=True, slots=True)
class ParsedContender:
    """`MODEL.TAP:METRIC`, understood."""

    model: EmbeddingModel
    tap: str
    metric: str

    @property
    def name(self) -> str:
        """The full text; the tap is left out where the model has only one."""
        tap = "" if len(self.model.spec["taps"]) == 1 else f".{self.tap}"
        return f"{self.model.name}{tap}:{self.metric}"


def model_named(name: str) -> EmbeddingModel:
    """Raises NotFound."""
    model = EmbeddingModel.objects.filter(name=name).first()
    if model is None:
        raise NotFound(f"There is no model {name!r}.")
    return model


def registered_models(*, archived: bool = False) -> list[dict[str, Any]]:
    """Every registered model in use, or put away, with its taps, preprocessing and the hash of its weights, by name."""
    return [
        {
            "name": model.name,
            "source": model.source,
            "family": model.spec["family"],
            "taps": [{"name": tap["name"], "dim": tap["dim"]} for tap in model.spec["taps"]],
            "preprocess": model.preprocess,
            "weights_sha256": model.spec["weights_sha256"],
            "fingerprint": model.fingerprint,
            "created_at": model.created_at.isoformat(),
            "archived_at": model.archived_at.isoformat() if model.archived_at else None,
        }
        for model in EmbeddingModel.objects.filter(archived_at__isnull=not archived)
    ]


def pictures_seen_by(models: Collection[int]) -> QuerySet[TrainedOn, str]:
    """SHA-256 of every picture that one of these models was trained on, as a sub-query."""
    trained = TrainedOn.objects.filter(model__in=list(models))
    return trained.annotate(sha256=Func(F("pictures"), function="unnest")).values_list("sha256", flat=True)


def parse_contender(text: str) -> ParsedContender:
    """Understand `MODEL[.TAP]:METRIC`; raises InvalidInput naming what is known for any other text.

    Names of models may contain dots: the whole left side is tried as a model first, then without its last part.
    """
    encoder_text, colon, metric = text.rpartition(":")
    if not colon or metric not in METRICS:
        raise InvalidInput(f"{text!r} is no contender; write MODEL.TAP:METRIC with one of {', '.join(METRICS)}.")
    models_by_name = {
        model.name: model
        for model in EmbeddingModel.objects.filter(name__in=[encoder_text, encoder_text.rpartition(".")[0]])
    }
    if encoder_text in models_by_name:
        return _with_only_tap(text, models_by_name[encoder_text], metric)
    name, _, tap = encoder_text.rpartition(".")
    if name not in models_by_name:
        names = ", ".join(EmbeddingModel.objects.values_list("name", flat=True)) or "none is registered"
        raise InvalidInput(f"{text!r} names no registered model; known: {names}. Register one with register_model.")
    taps = [entry["name"] for entry in models_by_name[name].spec["taps"]]
    if tap not in taps:
        raise InvalidInput(f"{name} has no tap {tap!r}; it has {', '.join(taps)}.")
    return ParsedContender(models_by_name[name], tap, metric)


def _with_only_tap(text: str, model: EmbeddingModel, metric: str) -> ParsedContender:
    taps = [entry["name"] for entry in model.spec["taps"]]
    if len(taps) > 1:
        raise InvalidInput(f"{text!r} leaves the tap open; {model.name} has {', '.join(taps)}.")
    return ParsedContender(model, taps[0], metric)
