"""What of a study may change beside its words: where it is shown, what is shown first; copies, and putting it away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from evalapp.catalog.models import Item
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.services.deeds import recorded
from evalapp.core.services.dependents import Dependent, delete_row, dependents_of
from evalapp.studies.models import Study
from evalapp.studies.services.drafts import CONTROL, StudyPlan, create_study

MOST_EXAMPLES = 12
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.*-]{1,180}(:\d{1,5})?")
_ANSWERS = ("dope", "nope")
_HOLDING = ("votes",)
_COPIED = (
    "question", "top_k", "exclude", "gallery_domain", "query_domain", "gallery_labels", "query_labels", "seed", "board",
    "mode", "random_sides", "dim_boxes", "box_margin", "sampling", "sampling_strata", "training_pictures",
    "follows_catalogue", "margin", "gold_share", "repeat_share",
)  # fmt: skip


@recorded("changed", "study {study}", "framed by {origins}")
def set_embed_hosts(study: Study, origins: Sequence[str]) -> None:
    """Let pages of these origins, and no others, show the study in a frame. Raises InvalidInput for what is none."""
    hosts = list(dict.fromkeys(origin.strip().rstrip("/") for origin in origins if origin.strip()))
    for origin in hosts:
        if not _ORIGIN.fullmatch(origin):
            message = f"{origin!r} is no origin; write https://shop.example.org, without a path."
            raise InvalidInput(message, fields={"embed_hosts": [message]})
    study.embed_hosts = hosts
    study.save(update_fields=["embed_hosts"])


@recorded("changed", "study {study}", "shown first")
def set_examples(study: Study, examples: Sequence[Sequence[str]]) -> None:
    """What visitors see before they begin: [query key, candidate key, dope or nope] each.

    Raises InvalidInput for keys that the catalogue does not have, for other answers and for too many.
    """
    if len(examples) > MOST_EXAMPLES:
        raise InvalidInput(f"At most {MOST_EXAMPLES} examples: nobody reads more before the first answer.")
    keys = {key for query, candidate, _ in examples for key in (query, candidate)}
    known_keys = set(
        Item.objects.filter(catalogue=study.catalogue, key__in=keys, removed=False).values_list("key", flat=True)
    )
    if missing := sorted(keys - known_keys):
        raise InvalidInput(f"{study.catalogue} has no picture {missing[0]}.", fields={"examples": ["Unknown key."]})
    if any(answer not in _ANSWERS for *_, answer in examples):
        raise InvalidInput("The answer of an example is dope or nope.", fields={"examples": ["dope or nope"]})
    study.examples = [list(example) for example in examples]
    study.save(update_fields=["examples"])


@recorded("copied", "study {study}", "{slug}")
def copy_study(study: Study, slug: str, title: str = "") -> Study:
    """A new draft that asks the same of the same contenders, on the catalogue as it is now; no vote comes along.

    Black boxes and archived contenders stay behind. Raises InvalidInput, Conflict for a taken slug.
    """
    fields: dict[str, Any] = {name: getattr(study, name) for name in _COPIED}
    line_up = study.contenders.filter(archived_at=None, answers_sha256="").order_by("pk")
    names = list(line_up.values_list("name", flat=True))
    plan = StudyPlan(
        slug=slug,
        title=title or f"{study.title[:190]} · copy",
        catalogue=study.catalogue,
        contenders=[name for name in names if name != CONTROL],
        control=CONTROL in names,
        gallery=study.gallery_size,
        queries=study.query_count,
        **fields,
    )
    copied = create_study(plan)
    copied.examples, copied.embed_hosts = study.examples, study.embed_hosts
    copied.save(update_fields=["examples", "embed_hosts"])
    return copied


@recorded("put away", "study {study}", "{archived}")
def archive_study(study: Study, *, archived: bool = True) -> None:
    """Take it out of the lists, or bring it back; its votes stay. Raises Conflict while people vote."""
    if archived and study.is_open:
        raise Conflict(f"People vote in {study}: close it first.")
    study.archived_at = timezone.now() if archived else None
    study.save(update_fields=["archived_at"])


def study_needed_by(study: Study) -> list[Dependent]:
    """What stands on the study: votes hold it, the rest would go with it."""
    return dependents_of(study, _HOLDING)


@recorded("deleted", "study {study}")
def delete_study(study: Study) -> None:
    """Delete a study in which nobody ever voted. Raises Conflict: nothing that people said is deleted."""
    if study.is_open:
        raise Conflict(f"People may vote in {study}: close it first.")
    delete_row(study, _HOLDING)
