"""Formats that catalogues are imported from. A format is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from django.utils.module_loading import import_string

from evalapp.catalog.domain.importers.importer_base import Source
from evalapp.core.domain.errors import InvalidInput

IMPORTERS = {
    "consumer2shop": "evalapp.catalog.domain.importers.published.consumer2shop.Consumer2ShopSource",
    "csv": "evalapp.catalog.domain.importers.table.TableSource",
    "deepfashion": "evalapp.catalog.domain.importers.published.deepfashion.DeepFashionSource",
    "deepfashion2": "evalapp.catalog.domain.importers.published.deepfashion2.DeepFashion2Source",
    "folder": "evalapp.catalog.domain.importers.folder.FolderSource",
    "inshop": "evalapp.catalog.domain.importers.published.inshop.InShopSource",
    "oml": "evalapp.catalog.domain.importers.oml.OmlSource",
    "sop": "evalapp.catalog.domain.importers.published.sop.SopSource",
    "street2shop": "evalapp.catalog.domain.importers.published.street2shop.Street2ShopSource",
}
"""Name to the dotted path of a class called with (path, mapping)."""


def open_source(path: Path, format_name: str | None, mapping: Mapping[str, str]) -> Source:
    """The data set at `path`; without a format, a folder is a `folder` and a .csv file is `csv`.

    Raises InvalidInput where path, format or mapping do not fit together.
    """
    if not path.exists():
        raise InvalidInput(f"There is nothing at {path}.")
    name = format_name or _guess_format(path)
    if name not in IMPORTERS:
        raise InvalidInput(f"There is no format {name!r}; there are {', '.join(sorted(IMPORTERS))}.")
    source: Source = import_string(IMPORTERS[name])(path, mapping)
    return source


def _guess_format(path: Path) -> str:
    if path.is_dir():
        return "folder"
    if path.suffix.lower() in {".csv", ".tsv"}:
        return "csv"
    raise InvalidInput(f"{path} is neither a folder nor a .csv file; say what it is with --format.")
