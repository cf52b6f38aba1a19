"""What an encoder costs, measured here: size, dimensions, time per picture; and the pictures to measure on."""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings

from evalapp.catalog.models import Catalogue
from evalapp.catalog.queries import active_items
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import InvalidInput
from evalapp.training.domain.worth_and_cost import Cost, interval_of
from evalapp.training.models import TrainingRun
from evalapp.training.queries.training_runs import catalogue_id_of
from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
from models_registry.spec import Box

_TIMED = 64
_MEASURED = 256


def cost_of(run: TrainingRun, catalogue: Catalogue) -> Cost:
    """The costs and the worth of a finished run's backbone."""
    lines = {line["name"]: line["scores"]["recall_at_1"] for line in run.metrics["table"]["lines"]}
    head = run.metrics["headline"]["scores"]["recall_at_1"]
    tap = embeddings.folder_of(run.parent, run.parent_tap)
    return Cost(
        backbone=f"{run.parent.name}.{run.parent_tap}",
        bytes=_weight_bytes(run),
        dimensions=tap.dim or 0,
        head_dimensions=run.model.spec["taps"][-1]["dim"] if run.model else 0,
        ms=_time_per_picture(run, catalogue),
        recall=interval_of(head),
        raw=interval_of(lines["raw features:cosine"]),
    )


def _weight_bytes(run: TrainingRun) -> int:
    if run.parent.weights:
        stem = run.parent.weights.partition(".")[0]  # weights may lie in several files
        return sum(path.stat().st_size for path in Path(settings.WEIGHTS_DIR).glob(f"{stem}*"))
    if run.parent.spec["family"] not in {"tiny-vgg", "vgg16.random"}:
        return 0
    from models_registry.encoders.vgg.vgg_network import blank_vgg, layout_of

    return sum(values.numel() * 4 for values in blank_vgg(layout_of(run.parent.spec["family"])).parameters())


def measuring_pictures(model: str) -> tuple[list[Picture], list[str | None]]:
    """Pictures of the catalogue that a trained model learnt from, with their categories: to measure its forms on.

    Spread over the catalogue, the same each time. Raises InvalidInput where the run or its catalogue is gone.
    """
    run = TrainingRun.objects.filter(model__name=model).order_by("-pk").first()
    number = None if run is None else catalogue_id_of(run)
    catalogue = None if number is None else Catalogue.objects.filter(pk=number).first()
    if catalogue is None:
        raise InvalidInput(f"{model} was not trained on a catalogue that is here: there is nothing to measure it on.")
    keys = list(active_items(catalogue).order_by("key").values_list("pk", flat=True))
    chosen = keys[:: max(1, len(keys) // _MEASURED)][:_MEASURED]
    items = active_items(catalogue).filter(pk__in=chosen).select_related("picture").order_by("key")
    rows = list(items)
    pictures = [
        Picture(item.key, embeddings.source(item.picture.file), Box(*item.box) if item.box else None) for item in rows
    ]
    return pictures, [item.category or None for item in rows]


def _time_per_picture(run: TrainingRun, catalogue: Catalogue) -> float | None:
    encoder = embeddings.warm_encoder(run.parent.pk)
    if not isinstance(encoder, Encoder):
        return None
    pictures = [
        Picture(item.key, embeddings.source(item.picture.file), Box(*item.box) if item.box else None)
        for item in active_items(catalogue)[:_TIMED]
    ]
    for _ in range(2):  # the first time warms the caches
        begun = time.perf_counter()
        for _batch in embed(encoder, pictures, taps=[run.parent_tap]):
            pass
        taken = time.perf_counter() - begun
    return 1000 * taken / len(pictures)
