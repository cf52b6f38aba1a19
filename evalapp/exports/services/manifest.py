"""The manifest: what an export holds, of what, and by which rules it was counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from evalapp.core.domain.software import software
from evalapp.exports.domain.export_tables import SCHEMA_VERSION
from evalapp.exports.domain.table_writers import WrittenFile
from evalapp.studies.models import Contender, Study

COUNTING_RULES = {
    "counted": "A vote counts unless it is marked otherwise; `void_reason` says why. Taken back: `undone`.",
    "verdicts": "Only `dope` and `nope` are verdicts; `skip` and `report` are answers.",
    "credit": "A verdict is credited to every contender whose nomination of the pair has rank 1.",
    "weight": "1 / (queries x propensity), queries being those with at least one nomination of rank 1.",
    "pairs": (
        "`dope`, `nope` and `skip` of a pair are its counted votes of the kinds study, control and imported, simulated"
        " ones and those of people who asked to be forgotten included."
    ),
    "forgotten": "Votes of people who asked to be forgotten are in the counts of pairs and nowhere else.",
    "kinds": (
        "`study` and `control` were drawn by the design. `gold` has a known answer, `filler` was shown beside one,"
        " `repeat` was shown once more: they tell about voters. `imported` was voted on elsewhere; its propensity is"
        " not known. `search` was said to an answer of a search, in whose order it stood: never on a board."
    ),
    "triplets": (
        "Positive: more dope than nope; negative: more nope than dope; weight: the difference of"
        " (dope + 1) / (dope + nope + 2). What is flagged is in `votes` and `pairs`, and in no triplet."
    ),
    "voters": "Pseudonyms that are new in every export, save where nothing was voted in between.",
}


def manifest_of(
    study: Study, contenders: Iterable[Contender], files: Sequence[WrittenFile], kind: str
) -> dict[str, Any]:
    """The manifest as JSON-able values; nothing in it tells when the export was made."""
    return {
        "schema_version": SCHEMA_VERSION,
        "software": software(),
        "format": kind,
        "study": {
            "slug": study.slug,
            "title": study.title,
            "question": study.question,
            "state": study.state,
            "top_k": study.top_k,
            "exclude": study.exclude,
        },
        "seed": study.seed,
        "catalogue": {"slug": study.catalogue.slug, "version": study.catalogue_version},
        "contenders": [_contender_document(contender) for contender in contenders],
        "counting_rules": COUNTING_RULES,
        "rows": {file.table: file.rows for file in files if file.rows is not None},
        "files": [asdict(file) for file in files],
    }


def _contender_document(contender: Contender) -> dict[str, Any]:
    embedding = contender.embedding
    if embedding is None:
        return {
            "contender": contender.name,
            "model": None,
            "tap": None,
            "metric": None,
            "weights_hash": None,
            "fingerprint": None,
            "answers_hash": contender.answers_sha256 or None,
            "control": contender.is_control,
        }
    return {
        "contender": contender.name,
        "model": embedding.model.name,
        "tap": embedding.tap,
        "metric": contender.metric,
        "weights_hash": embedding.model.spec.get("weights_sha256"),
        "fingerprint": embedding.model.fingerprint,
        "answers_hash": None,
        "control": False,
    }
