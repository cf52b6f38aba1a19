"""Networks that were sent or named: registered and tried by a worker, since pages and API load no engine."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from evalapp.catalog.domain.zip_archives import look_into, root_of, unpack_archive
from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import EmbeddingModel, Registration
from evalapp.contenders.services.registration import change_preprocessing, check_model_name, register_model
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound, Problem
from evalapp.core.domain.job_targets import target_of
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.core.services.uploads import MEGABYTE, keep_upload, upload_path
from models_registry.registry import FAMILIES, FamilyEntry

OPTIONS = ("tap", "resize", "interpolation", "mean", "std", "channels", "size", "seed")
PREPROCESSING = ("resize", "interpolation", "mean", "std", "channels")
ENDINGS = (".onnx", ".safetensors", ".npz", ".npy", ".parquet", ".zip")
"""Of what may be sent: networks, weights of a network of timm, vectors, and folders as zips: checkpoints, .npy files
with their keys."""
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
"""A network of a hub: `resnet18`, `facebook/dinov2-small`. Never a path: nobody names places of this machine from
outside."""
_IN_ZIPS = frozenset({".npy", ".npz", ".parquet", ".csv", ".safetensors", ".json", ".onnx"})


def note_registration(
    *,
    name: str,
    source: str = "",
    upload: object = None,
    options: Mapping[str, str] | None = None,
    catalogue: Catalogue | None = None,
) -> Registration:
    """The row of a registration, without a job of its own: a file that was sent, a source by name, or both where
    weights of a named network were sent. Raises InvalidInput, Conflict where the name is taken.
    """
    check_model_name(name)
    if EmbeddingModel.objects.filter(name=name).exists():
        message = f"The name {name} is taken; choose another."
        raise Conflict(message, fields={"name": [message]})
    ending = _ending_of(upload)
    _check_source(source, ending)
    upload_name = keep_upload(upload, "file") if ending else ""
    return Registration.objects.create(
        name=name,
        source=source,
        upload=upload_name,
        told=str(getattr(upload, "name", ""))[-200:] if ending else "",
        options=_checked_options(options or {}),
        catalogue=catalogue,
    )


@recorded("registered", "model {name}")
def request_registration(*, name: str, **fields: Any) -> Registration:
    """A registration with its job, not yet told to any worker; see `note_registration` for the words."""
    with transaction.atomic():
        return with_job(note_registration(name=name, **fields))


@recorded("changed", "model {model}", "reads pictures by {options}")
def request_preprocessing(
    model: EmbeddingModel, options: Mapping[str, str], catalogue: Catalogue | None = None
) -> Registration:
    """Ask a worker to let an unused model read pictures in another way, and to try it again. Raises Conflict."""
    if model.embeddings.exists():
        raise Conflict(f"{model} was used already and stays what it is: register it anew under another name.")
    with transaction.atomic():
        row = Registration.objects.create(
            name=model.name, source=model.source, options=_checked_options(options), catalogue=catalogue, model=model
        )
        return with_job(row)


def registration_by_id(number: int) -> Registration:
    """Raises NotFound."""
    row = Registration.objects.select_related("model", "region", "job", "catalogue").filter(pk=number).first()
    if row is None:
        raise NotFound(f"There is no registration {number}.")
    return row


def carry_out(row: Registration) -> EmbeddingModel:
    """Register the model that the row speaks of, or change its preprocessing; the same again does no harm."""
    if row.model is not None:
        return row.model if not row.options else change_preprocessing(row.model, row.options)
    source = _source_of(row) if row.upload else row.source
    model, _ = register_model(source=source, name=row.name, options=row.options, called=_public_source(row))
    row.model = model
    row.save(update_fields=["model"])
    return model


def keep_trial(row: Registration, trial: Mapping[str, Any]) -> None:
    """Keep what the model made of a few pictures."""
    row.trial = dict(trial)
    row.save(update_fields=["trial"])


def with_job(row: Registration) -> Registration:
    """The row with the job that carries it out."""
    row.job = request_job("register", target_of("registration", row.pk))
    row.save(update_fields=["job"])
    return row


def _ending_of(upload: object) -> str:
    name = str(getattr(upload, "name", "") or "")
    ending = Path(name).suffix.lower()
    if name and ending not in ENDINGS:
        message = f"{ending or 'That'} is no kind of network: send one of {', '.join(ENDINGS)}."
        raise InvalidInput(message, fields={"file": [message]})
    return ending


def _check_source(source: str, ending: str) -> None:
    family, _, argument = source.partition(":")
    if ending == ".safetensors":
        if family != "timm" or not argument or "=" in argument:
            message = "Say which network of timm these weights are of, such as timm:resnet18; or send it as ONNX."
            raise InvalidInput(message, fields={"source": [message]})
    elif ending and source:
        raise InvalidInput("Send a file or name a network, not both.", fields={"source": ["Leave it empty."]})
    elif not ending and not _names_a_network(family, argument):
        usages = ", ".join(entry.usage for entry in FAMILIES.values() if not _is_of_disk(entry))
        raise InvalidInput(f"Send a file, or name one of {usages}.", fields={"source": ["Name one of those."]})


def _names_a_network(family: str, argument: str) -> bool:
    """Whether the source says which network without a word on where files lie."""
    if family not in FAMILIES or _is_of_disk(FAMILIES[family]):
        return False
    # `hf:` reads a folder of this machine as gladly as the hub.
    return not argument or (_HUB_NAME.fullmatch(argument) is not None and not Path(argument).exists())


def _is_of_disk(entry: FamilyEntry) -> bool:
    return entry.usage.endswith((":FILE", ":DIR"))


def sent_file(row: Registration) -> Path:
    """Where what was sent lies, with its own ending, since readers go by it. Raises Problem where it is gone."""
    upload = upload_path(row.upload)
    path = upload.with_name(f"{row.upload}.file{Path(row.told).suffix.lower()}")
    if not path.exists():
        if not upload.exists():
            raise Problem("What was sent is gone: send it again.")
        os.link(upload, path)
    return path


def _source_of(row: Registration) -> str:
    """A source for what was sent."""
    ending, path = Path(row.told).suffix.lower(), sent_file(row)
    if ending == ".zip":
        return _source_in(_unpack_zip(path))
    if ending == ".onnx":
        return f"onnx:{path}"
    return f"{row.source}={path}" if ending == ".safetensors" else f"vectors:{path}"


def _unpack_zip(path: Path) -> Path:
    folder = path.with_suffix(".unpacked")
    if not folder.exists():
        contents = look_into(path, most_bytes=2 * settings.UPLOAD_MB * MEGABYTE, endings=_IN_ZIPS)
        draft = folder.with_suffix(".part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        unpack_archive(path, draft, contents)
        draft.rename(folder)
    return root_of(folder)


def _source_in(folder: Path) -> str:
    if (folder / "spec.json").is_file():
        return f"checkpoint:{folder}"
    for ending, family in ((".onnx", "onnx"), (".npy", "vectors"), (".npz", "vectors"), (".parquet", "vectors")):
        if len(files := sorted(folder.glob(f"*{ending}"))) == 1:
            return f"{family}:{files[0]}"
    raise InvalidInput("The zip holds neither a checkpoint nor one network or one table of vectors.")


def _public_source(row: Registration) -> str:
    """What people are told instead of where the upload lies; empty where nothing was sent."""
    if not row.upload:
        return ""
    kind = {".onnx": "onnx", ".zip": "zip", ".safetensors": row.source}.get(Path(row.told).suffix.lower(), "vectors")
    return f"{kind}={row.told}" if kind == row.source else f"{kind}:{row.told}"


def _checked_options(options: Mapping[str, str]) -> dict[str, str]:
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise InvalidInput(f"{', '.join(unknown)} is no option; there are {', '.join(OPTIONS)}.")
    return {name: str(value).strip() for name, value in options.items() if str(value).strip()}
