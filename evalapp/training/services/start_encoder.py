"""What a run of votes starts from: the vectors of several encoders side by side."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings

from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.services.registration import register_model
from evalapp.core.domain.errors import InvalidInput
from evalapp.studies.models import Contender, Study
from evalapp.training.queries.rounds import votes_of
from evalapp.training.services.training_runs import parse_base
from models_registry.encoders.joint_encoder import TAP, Part, write_joint
from models_registry.errors import EncoderError
from models_registry.registry import blocks_of, with_every_tap
from models_registry.spec import EncoderSpec

FEWEST_VOTES = {"colour-histogram": 0, "surface": 0, "appearance": 2_000}
"""Encoders without weights that see what networks see least of, which is often what people go by; and from how many
votes they are joined: of 600, the nine blocks of `appearance` cost some of the gain (docs/loop.md)."""


def base_of(study: Study, sources: Sequence[str], *, described: bool = True) -> tuple[EmbeddingModel, str]:
    """The encoder and tap to start from: one of `sources` alone, or several joined, registered under their hash.

    Without sources those of the study's contenders are joined and, with `described`, colours and texture beside them:
    encoders that need no weights, registered here where they are not yet. Raises InvalidInput for invalid values.
    """
    chosen = [parse_base(text) for text in sources] or list(_of_contenders(study, described=described))
    if not chosen:
        raise InvalidInput(f"{study} has no contender with vectors to start from; name some with --from MODEL.TAP.")
    return _side_by_side(chosen)


def bases_named(names: Sequence[str]) -> tuple[EmbeddingModel, str]:
    """The encoder and tap that these `MODEL[.TAP]` name: one as it is, several joined. Raises InvalidInput."""
    chosen = [parse_base(text) for text in names]
    return chosen[0] if len(chosen) == 1 else _side_by_side(chosen)


def _side_by_side(chosen: Sequence[tuple[EmbeddingModel, str]]) -> tuple[EmbeddingModel, str]:
    """One encoder as it is unless its vector has blocks; else the joint of all, registered under its hash."""
    if len(chosen) == 1 and not blocks_of(EncoderSpec.from_json(chosen[0][0].spec)):
        return chosen[0]
    parts = [part for model, tap in chosen for part in _parts_of_vector(model, tap)]
    draft = Path(settings.TRAINING_DIR) / "joints" / f".{uuid.uuid4().hex}.part"
    try:
        write_joint(draft, parts)
    except EncoderError as error:
        raise InvalidInput(str(error)) from error
    name = f"joint-{hashlib.sha256(draft.read_bytes()).hexdigest()[:12]}"
    path = draft.replace(draft.with_name(f"{name}.json"))
    return register_model(source=f"joint:{path}", name=name, options={})[0], TAP


def _of_contenders(study: Study, *, described: bool) -> Iterator[tuple[EmbeddingModel, str]]:
    """Each embedding once, whatever metrics compare it; then the descriptions that are not among them."""
    contenders = Contender.objects.filter(study=study, embedding__isnull=False).select_related("embedding__model")
    embeddings = {
        contender.embedding.pk: contender.embedding for contender in contenders if contender.embedding is not None
    }
    yield from ((embedding.model, embedding.tap) for embedding in embeddings.values())
    families = {embedding.model.spec["family"] for embedding in embeddings.values()}
    if embeddings and described:
        votes = votes_of(study)
        for family, fewest in FEWEST_VOTES.items():
            if family not in families and votes >= fewest:
                model = _described_by(family)
                yield model, model.spec["taps"][0]["name"]


def _described_by(family: str) -> EmbeddingModel:
    """The registered encoder of this family, or one registered under the family's name or the next one free."""
    model = EmbeddingModel.objects.filter(spec__family=family).order_by("pk").first()
    if model is not None:
        return model
    taken = set(EmbeddingModel.objects.filter(name__startswith=family).values_list("name", flat=True))
    names = (family, *(f"{family}-{number}" for number in range(2, len(taken) + 3)))
    return register_model(source=family, name=next(name for name in names if name not in taken), options={})[0]


def _parts_of_vector(model: EmbeddingModel, tap: str) -> Iterator[Part]:
    """A whole vector, or its blocks where they mean different things."""
    spec = with_every_tap(EncoderSpec.from_json(model.spec))
    blocks = blocks_of(spec) or {"": (0, spec.tap_named(tap).dim)}
    yield from (Part(spec, tap, start, stop) for start, stop in blocks.values())
