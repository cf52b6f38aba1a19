"""Imports asked for: the row and its job; a worker does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from evalapp.catalog.domain.importers import IMPORTERS
from evalapp.catalog.domain.importers.table import FIELDS
from evalapp.catalog.domain.zip_archives import look_into
from evalapp.catalog.models import Catalogue, CatalogueImport
from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.core.domain.job_targets import target_of
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.core.services.uploads import MEGABYTE, drop_upload, inside_root, keep_upload, upload_path
from models_registry.pictures import EXTENSIONS


def note_import(
    catalogue: Catalogue,
    *,
    upload: object = None,
    path: str = "",
    format_name: str = "",
    mapping: Mapping[str, str] | None = None,
    flag_misleading: bool = False,
) -> CatalogueImport:
    """The row of an import, without a job of its own: a zip that was sent, or a path below `IMPORT_ROOT`.

    The zip is looked into at once, and refused where it is none or a bomb. Raises InvalidInput.
    """
    if bool(upload) == bool(path):
        raise InvalidInput("Send a zip, or name a path: one of the two.", fields={"file": ["Choose a zip."]})
    if format_name and format_name not in IMPORTERS:
        message = f"There is no format {format_name!r}; there are {', '.join(sorted(IMPORTERS))}."
        raise InvalidInput(message, fields={"format": [message]})
    words: dict[str, Any] = {
        "catalogue": catalogue,
        "format": format_name,
        "mapping": checked_mapping(mapping or {}),
        "flag_misleading": flag_misleading,
    }
    if path:
        return CatalogueImport.objects.create(folder=str(inside_root(path)), told=path[:200], **words)
    name = keep_upload(upload)
    try:
        look_into(upload_path(name), most_bytes=most_unpacked(), endings=frozenset(EXTENSIONS))
    except InvalidInput as problem:
        drop_upload(name)
        raise InvalidInput(problem.message, code=problem.code, fields={"file": [problem.message]}) from problem
    return CatalogueImport.objects.create(upload=name, told=str(getattr(upload, "name", ""))[-200:], **words)


@recorded("brought pictures", "catalogue {catalogue}")
def request_import(catalogue: Catalogue, **words: Any) -> CatalogueImport:
    """An import with its job, not yet told to any worker; see `note_import` for the words."""
    with transaction.atomic():
        catalogue_import = note_import(catalogue, **words)
        catalogue_import.job = request_job("import", target_of("import", catalogue_import.pk))
        catalogue_import.save(update_fields=["job"])
    return catalogue_import


def import_by_id(number: int) -> CatalogueImport:
    """Raises NotFound."""
    catalogue_import = CatalogueImport.objects.select_related("catalogue", "job").filter(pk=number).first()
    if catalogue_import is None:
        raise NotFound(f"There is no import {number}.")
    return catalogue_import


def note_block(number: int, start: int, outcome: Mapping[str, Any]) -> None:
    """Keep what became of the block of rows that begins there; the same block again takes its place."""
    with transaction.atomic():
        row = CatalogueImport.objects.select_for_update().get(pk=number)
        row.outcomes[str(start)] = dict(outcome)
        row.save(update_fields=["outcomes"])


def most_unpacked() -> int:
    """Bytes that a zip may unpack to."""
    return 4 * int(settings.UPLOAD_MB) * MEGABYTE


def checked_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Field to column, as it is stored; raises InvalidInput for fields that there are not."""
    if unknown := sorted(set(mapping) - set(FIELDS)):
        message = f"{', '.join(unknown)} is no field; there are {', '.join(FIELDS)}."
        raise InvalidInput(message, fields={"mapping": [message]})
    return {field: str(column)[:200] for field, column in mapping.items() if column}


def mapping_from_text(text: str) -> dict[str, str]:
    """`category=class product=id`, or one a line, understood; raises InvalidInput."""
    mapping: dict[str, str] = {}
    for part in text.replace(",", " ").split():
        field, equals, column = part.partition("=")
        if not equals or not column or field in mapping:
            raise InvalidInput(
                f"Write FIELD=COLUMN for each column, not {part!r}.", fields={"mapping": ["FIELD=COLUMN"]}
            )
        mapping[field] = column
    return checked_mapping(mapping)
