"""What a run of votes starts from: the vectors of several encoders side by side."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings

from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.services import register_model
from evalapp.core.errors import InvalidInput
from evalapp.studies.models import Contender, Study
from evalapp.training.services import parse_base
from models_registry.encoders.colour_histogram import BLOCKS
from models_registry.encoders.joint import TAP, Part, write_joint
from models_registry.errors import EncoderError
from models_registry.registry import with_every_tap
from models_registry.spec import EncoderSpec

COLOURS = "colour-histogram"


def base_of(study: Study, sources: Sequence[str]) -> tuple[EmbeddingModel, str]:
    """The encoder and tap to start from: one of `sources` alone, or several joined, registered under their hash.

    Without sources those of the study's contenders are joined, and a colour histogram where one is registered: what
    networks see least of is often what people go by. Raises InvalidInput for words that are off.
    """
    chosen = [parse_base(words) for words in sources] or list(_of_contenders(study))
    if not chosen:
        raise InvalidInput(f"{study} has no contender with vectors to start from; name some with --from MODEL.TAP.")
    if len(chosen) == 1 and chosen[0][0].spec["family"] != COLOURS:
        return chosen[0]
    parts = [part for model, tap in chosen for part in _parts(model, tap)]
    draft = Path(settings.TRAINING_DIR) / "joints" / f".{uuid.uuid4().hex}.part"
    try:
        write_joint(draft, parts)
    except EncoderError as error:
        raise InvalidInput(str(error)) from error
    name = f"joint-{hashlib.sha256(draft.read_bytes()).hexdigest()[:12]}"
    path = draft.replace(draft.with_name(f"{name}.json"))
    return register_model(source=f"joint:{path}", name=name, options={})[0], TAP


def _of_contenders(study: Study) -> Iterator[tuple[EmbeddingModel, str]]:
    """Each embedding once, whatever metrics compare it."""
    contenders = Contender.objects.filter(study=study, embedding__isnull=False).select_related("embedding__model")
    embeddings = {one.embedding.pk: one.embedding for one in contenders if one.embedding is not None}
    yield from ((embedding.model, embedding.tap) for embedding in embeddings.values())
    if not any(embedding.model.spec["family"] == COLOURS for embedding in embeddings.values()):
        colours = EmbeddingModel.objects.filter(spec__family=COLOURS).order_by("pk").first()
        if colours is not None:
            yield colours, colours.spec["taps"][0]["name"]


def _parts(model: EmbeddingModel, tap: str) -> Iterator[Part]:
    """A whole vector, or its blocks where they mean different things."""
    spec = with_every_tap(EncoderSpec.from_json(model.spec))
    if spec.family == COLOURS:
        yield from (Part(spec, tap, start, stop) for start, stop in BLOCKS.values())
    else:
        yield Part(spec, tap, 0, spec.tap(tap).dim)
