"""A folder as one file to download: the same folder gives the same bytes."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

_A_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can name: members bear no time of their making."""
_PACKED_ALREADY = {".parquet", ".npz"}


def pack_folder(folder: Path, archive: Path, inside: str) -> None:
    """Write the files of `folder` into a zip under the folder name `inside`; the zip appears when it is whole."""
    draft = archive.with_name(f".{archive.name}.part")
    with zipfile.ZipFile(draft, "w") as packed:
        for path in sorted(folder.iterdir()):
            info = zipfile.ZipInfo(f"{inside}/{path.name}", _A_MOMENT)
            info.compress_type = zipfile.ZIP_STORED if path.suffix in _PACKED_ALREADY else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.file_size = path.stat().st_size
            with path.open("rb") as source, packed.open(info, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
    draft.rename(archive)
