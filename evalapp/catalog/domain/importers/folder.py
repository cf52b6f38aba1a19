"""A folder of pictures: class folders, train/val/test folders of class folders, or no folders at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.core.domain.errors import InvalidInput
from models_registry.pictures import EXTENSIONS, UNREAD_EXTENSIONS, unread_words

_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_SPLITS |= {"dev": "val", "eval": "val"}
_IGNORED = {"__macosx", "thumbs.db"}


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """A folder that is not entered."""

    path: str
    code: str
    message: str


class FolderSource:
    """The pictures below `path`. The first folder is the category; the key is the path with `/`."""

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        if mapping:
            raise InvalidInput("--map names columns; a folder has none. Give a CSV file, or leave --map out.")
        if not path.is_dir():
            raise InvalidInput(f"{path} is not a folder.")
        self.root = path.resolve()

    def count(self) -> int:
        return sum(1 for found in self._walk_pictures("") if isinstance(found, str))

    def rows(self) -> Iterator[Record | RowFault]:
        tops = self._folders_with_pictures()
        has_splits = bool(tops) and all(name.casefold() in _SPLITS for name in tops)
        if warning := _odd_folders(tops) or self._wrapper_warning(tops):
            yield RowFault(0, "", "odd-folders", warning, left_out=False)
        for row, path_or_obstacle in enumerate(self._walk_pictures(""), start=1):
            if isinstance(path_or_obstacle, _Obstacle):
                yield RowFault(row, path_or_obstacle.path, path_or_obstacle.code, path_or_obstacle.message)
            else:
                yield _make_record(row, path_or_obstacle, has_splits)

    def _folders_with_pictures(self) -> list[str]:
        """Split folders at the top. Only if all of them are named like splits: a class may well be called `test`."""
        with os.scandir(self.root) as entries:
            names = [
                entry.name for entry in entries if not _is_ignored(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
        return sorted(name for name in names if any(isinstance(found, str) for found in self._walk_pictures(name)))

    def _wrapper_warning(self, tops: list[str]) -> str:
        """What to say of an only folder that holds nothing but folders, empty where there is none."""
        if len(tops) != 1 or tops[0].casefold() in _SPLITS:
            return ""
        pictures = (found for found in self._walk_pictures(tops[0]) if isinstance(found, str))
        if any(found.count("/") == 1 for found in pictures):
            return ""
        return f"All folders lie in {tops[0]}, which was taken as the only category; if it is none, import that folder."

    def _walk_pictures(self, folder: str) -> Iterator[str | _Obstacle]:
        """Paths of pictures below `folder`, sorted by name, one folder in memory at a time."""
        try:
            with os.scandir(self.root / folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield _Obstacle(folder, "unreadable", f"The folder cannot be read: {error.strerror}.")
            return
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is_ignored(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk_pictures(path)
            elif entry.is_dir():
                # Entering it could lead out of the folder, or round in circles.
                yield _Obstacle(path, "linked-folder", "Links to folders are not followed; import that folder itself.")
            elif (ending := os.path.splitext(entry.name)[1].lower()) in EXTENSIONS:
                yield path
            elif ending in UNREAD_EXTENSIONS:
                yield _Obstacle(path, "unsupported", unread_words(ending.removeprefix(".").upper()))


def _odd_folders(tops: list[str]) -> str:
    """What to say of folders that may have been meant in another way, empty where nothing is."""
    splits = [name for name in tops if name.casefold() in _SPLITS]
    other_names = [name for name in tops if name not in splits]
    if splits and other_names:
        return (
            f"The folders {', '.join(splits)} bear names of splits, {', '.join(other_names[:3])} not: all of them were "
            "taken as categories."
        )
    return ""


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _IGNORED


def _make_record(row: int, path: str, has_splits: bool) -> Record:
    folders = path.split("/")[:-1]
    split = _SPLITS[folders.pop(0).casefold()] if has_splits and folders else ""
    return Record(row, path, key=path, category=folders[0] if folders else "", split=split)
