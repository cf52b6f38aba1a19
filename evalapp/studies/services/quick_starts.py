"""The whole main job asked for at once: pictures, networks and a question in, a study that can be opened out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction

from evalapp.catalog.models import Catalogue
from evalapp.catalog.services.catalogues import create_catalogue
from evalapp.catalog.services.imports import note_import
from evalapp.contenders.models import EmbeddingModel, Registration
from evalapp.contenders.services.registration import register_model
from evalapp.contenders.services.registrations import note_registration
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from evalapp.core.domain.job_targets import target_of
from evalapp.core.domain.values.storable_texts import check_text
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.studies.domain.question_texts import usual_question
from evalapp.studies.models import LONGEST_WORDS, QuickStart, Study, StudyMode
from evalapp.studies.queries.study_reads import free_study_slug
from evalapp.studies.services.drafts import StudyPlan, create_study

METRIC = "cosine"
ALWAYS_THERE = {"efficientnet": "efficientnet-lite0", "colours": "colour-histogram"}
"""Encoders that come with the product, by the names under which a start registers them."""


@recorded("started", "question {question}", "{title}")
def request_quick_start(
    *,
    question: str = "",
    title: str = "",
    catalogue: Catalogue | None = None,
    pictures: object = None,
    path: str = "",
    network: object = None,
    source: str = "",
    encoders: Sequence[str] = (),
) -> QuickStart:
    """A start with its one job, not yet told to any worker.

    Pictures are a catalogue, a zip that was sent, or a path below IMPORT_ROOT; networks a file that was sent, a source
    by name, names of registered ones and of those that come along. Raises InvalidInput where nothing is compared.
    """
    check_text("question", question, LONGEST_WORDS)
    check_text("title", title, LONGEST_WORDS)
    if catalogue is None and not pictures and not path:
        raise InvalidInput("Drop the pictures, or choose a catalogue.", fields={"file": ["Choose pictures."]})
    _check_encoders(encoders)
    if not encoders and not network and not source:
        raise InvalidInput("Drop a network, or tick one that is there.", fields={"network": ["Choose a network."]})
    name = title.strip() or Path(str(getattr(pictures, "name", "") or path)).stem or str(catalogue)
    with transaction.atomic():
        used_catalogue = catalogue or create_catalogue(name=name[:LONGEST_WORDS])
        picture_import = note_import(used_catalogue, upload=pictures, path=path) if pictures or path else None
        row = QuickStart.objects.create(
            title=name[:LONGEST_WORDS],
            question=question.strip() or usual_question(StudyMode.SWIPE),
            catalogue=used_catalogue,
            pictures=picture_import,
            encoders=list(dict.fromkeys(encoders)),
        )
        if network or source:
            row.registrations.add(_register_sent(network, source, used_catalogue))
        row.job = request_job("start", target_of("start", row.pk))
        row.save(update_fields=["job"])
    return row


def quick_start_by_id(number: int) -> QuickStart:
    """Raises NotFound."""
    row = QuickStart.objects.select_related("catalogue", "pictures", "study", "job").filter(pk=number).first()
    if row is None:
        raise NotFound(f"There is no start {number}.")
    return row


def draft_of(row: QuickStart) -> Study:
    """The study of a start, drafted if it is not; its networks must be registered by then."""
    if row.study is not None:
        return row.study
    models = [_registered_model(name) for name in row.encoders]
    models += [registration.model for registration in row.registrations.select_related("model") if registration.model]
    row.catalogue.refresh_from_db()
    plan = StudyPlan(
        slug=free_study_slug(row.title),
        title=row.title,
        question=row.question,
        catalogue=row.catalogue,
        contenders=[_contender_text(model.name, model.spec) for model in models],
    )
    with transaction.atomic():
        row.study = create_study(plan)
        row.save(update_fields=["study"])
    return row.study


def _check_encoders(names: Sequence[str]) -> None:
    registered = set(EmbeddingModel.objects.filter(name__in=names).values_list("name", flat=True))
    if unknown := [name for name in names if name not in registered and name not in ALWAYS_THERE]:
        raise InvalidInput(f"There is no model {unknown[0]!r}; register it first.", fields={"encoders": ["Unknown."]})


def _registered_model(name: str) -> EmbeddingModel:
    model = EmbeddingModel.objects.filter(name=name).first()
    return model or register_model(source=ALWAYS_THERE[name], name=name, options={})[0]


def _register_sent(network: object, source: str, catalogue: Catalogue) -> Registration:
    """What was sent, under a name made from the file's own."""
    sent_name = Path(str(getattr(network, "name", "") or source.replace(":", "-").replace("/", "-"))).stem
    stem = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in sent_name
    )
    stem = stem.strip("._-")[:70] or "network"
    for number in range(1, 1000):
        try:
            with transaction.atomic():
                name = stem if number == 1 else f"{stem}-{number}"
                return note_registration(name=name, source=source, upload=network, catalogue=catalogue)
        except Conflict:
            continue
        except InvalidInput as problem:
            # A start calls the file of a network by that word; `file` are its pictures.
            fields = {"network" if field == "file" else field: words for field, words in problem.fields.items()}
            raise InvalidInput(problem.message, code=problem.code, fields=fields) from problem
    raise Conflict(f"There are a thousand networks called {stem}; give it another name.")


def _contender_text(name: str, spec: Mapping[str, Any]) -> str:
    """The model at its last tap, which is what its makers compare by."""
    taps = [tap["name"] for tap in spec["taps"]]
    tap = "embedding" if "embedding" in taps else taps[-1]
    return f"{name}:{METRIC}" if len(taps) == 1 else f"{name}.{tap}:{METRIC}"
