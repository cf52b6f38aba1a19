"""Registering locators and maskers: anybody's own network, tried before it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from django.db import IntegrityError, transaction

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import RegionNetwork, Registration
from evalapp.contenders.services.registration import check_name, keep_files
from evalapp.contenders.services.registrations import sent_file, with_job
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.services.deeds import recorded
from evalapp.core.services.uploads import keep_upload
from models_registry.errors import EncoderError
from models_registry.regions import REGION_OPTIONS, RegionKind, describe_region, region_file


@recorded("registered", "{kind} {name}", "{source}")
def register_region(
    kind: RegionKind, *, source: str, name: str, options: Mapping[str, str], called: str = ""
) -> tuple[RegionNetwork, bool]:
    """The network under `name`, and whether it is new; the same one under the same name may come again.

    It is run on a picture first, and its file is copied to the weights folder under its hash; `called` is what people
    are told instead of where that lay. Raises InvalidInput for a bad name or a file that is no such network, Conflict
    where the name stands for another one.
    """
    check_name(name, kind)
    try:
        spec = describe_region(kind, source, options=options)
        weights = keep_files([region_file(kind, source)], spec.sha256)
    except EncoderError as error:
        message = str(error)
        raise InvalidInput(
            message.replace(source.partition(":")[2], called.partition(":")[2]) if called else message
        ) from error
    if called:
        source, spec = called, replace(spec, source=called)
    facts = {"source": source, "spec": spec.to_json(), "fingerprint": spec.fingerprint, "weights": weights}
    try:
        with transaction.atomic():
            return RegionNetwork.objects.create(kind=kind, name=name, **facts), True
    except IntegrityError:
        existing = RegionNetwork.objects.get(kind=kind, name=name)
    if existing.fingerprint != spec.fingerprint:
        raise Conflict(f"The name {name} is taken by another {kind} ({existing.source}); choose another name.")
    return existing, False


@recorded("registered", "{kind} {name}")
def request_region(
    kind: RegionKind,
    *,
    name: str,
    upload: object,
    options: Mapping[str, str] | None = None,
    catalogue: Catalogue | None = None,
) -> Registration:
    """A locator or masker that was sent as a file, with its job, not yet told to any worker.

    Raises InvalidInput for a bad name, option or file, Conflict where the name is taken.
    """
    try:
        check_name(name, kind)
    except InvalidInput as problem:
        raise InvalidInput(problem.message, fields={"name": [problem.message]}) from problem
    if RegionNetwork.objects.filter(kind=kind, name=name).exists():
        message = f"The name {name} is taken by another {kind}; choose another."
        raise Conflict(message, fields={"name": [message]})
    called = str(getattr(upload, "name", "") or "")
    if called and not called.lower().endswith(".onnx"):
        message = f"A {kind} comes as one ONNX file."
        raise InvalidInput(message, fields={"file": [message]})
    if unknown := sorted(set(options or {}) - set(REGION_OPTIONS)):
        raise InvalidInput(f"{', '.join(unknown)} is no option; there are {', '.join(REGION_OPTIONS)}.")
    with transaction.atomic():
        row = Registration.objects.create(
            kind=kind,
            name=name,
            upload=keep_upload(upload),
            told=called[-200:],
            options=dict(options or {}),
            catalogue=catalogue,
        )
        return with_job(row)


def carry_out_region(row: Registration) -> RegionNetwork:
    """Register the locator or masker that the row speaks of; the same again does no harm."""
    if row.region is None:
        kind: RegionKind = "masker" if row.kind == "masker" else "locator"
        row.region, _ = register_region(
            kind, source=f"onnx:{sent_file(row)}", name=row.name, options=row.options, called=f"onnx:{row.told}"
        )
        row.save(update_fields=["region"])
    return row.region
