"""Where in a data set its files lie: people unpack archives in many ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evalapp.catalog.domain.importers.importer_base import RowFault
from evalapp.core.domain.errors import InvalidInput


def no_mapping(format_name: str, mapping: Mapping[str, str]) -> None:
    """Raises InvalidInput where somebody maps the columns of a format that has its own."""
    if mapping:
        raise InvalidInput(f"--map names columns of a CSV file; {format_name} has its own. Leave --map out.")


def find_file(root: Path, folders: Sequence[str], names: Sequence[str]) -> Path | None:
    """The first of `names` in the first of `folders` that has one; None where none has."""
    for folder in folders:
        for name in names:
            if (root / folder / name).is_file():
                return root / folder / name
    return None


def need_file(root: Path, folders: Sequence[str], names: Sequence[str], what: str) -> Path:
    """The same; raises InvalidInput saying what is missing and where it was looked for."""
    file = find_file(root, folders, names)
    if file is None:
        places = ", ".join(str(root / folder) for folder in folders)
        raise InvalidInput(f"There is no {names[0]} in {places}: is this the folder of {what}?")
    return file


def root_of(path: Path, parts: Sequence[str]) -> Path:
    """The folder of the whole data set, also where `path` is one of its parts such as `Anno`."""
    if not path.is_dir():
        raise InvalidInput(f"{path} is not a folder.")
    real = path.resolve()
    return real.parent if real.name in parts else real


class PicturesAt:
    """Where the pictures of a data set of the DeepFashion family lie: below `Img/`, `Images/` or the root itself.

    `highres` is set where only the large pictures are there: boxes were drawn on the small ones and do not fit.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._prefix: str | None = None
        self.highres = False

    def path_of(self, path: str) -> str:
        """The way to the picture that the lists call `img/…`."""
        top, _, rest = path.partition("/")
        if self._prefix is None:
            self._find_prefix(top)
        return f"{self._prefix}{top}_highres/{rest}" if self.highres else f"{self._prefix}{path}"

    def location_faults(self) -> Iterator[RowFault]:
        """What to say in the end about where they were found."""
        if self.highres:
            message = "Only the large pictures are there; boxes belong to the small ones, so whole pictures were taken."
            yield RowFault(0, "img_highres", "no-boxes", message, left_out=False)

    def _find_prefix(self, top: str) -> None:
        for name, highres in ((top, False), (f"{top}_highres", True)):
            for prefix in ("Img/", "", "Images/"):
                if (self._root / prefix / name).is_dir():
                    self._prefix, self.highres = prefix, highres
                    return
        self._prefix = ""
