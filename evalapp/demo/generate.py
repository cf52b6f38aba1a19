"""Writes the demo catalogue to a folder: pictures, `items.csv` and a stamp that says it is complete."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalapp.demo.garments import Garment, garments
from evalapp.demo.pictures import Picture, take_shop, take_street
from evalapp.demo.pool import in_order
from evalapp.demo.shots import shots_of

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 1
"""Rises whenever the same seed draws something else, so that old folders are drawn anew."""
STAMP: Final = "complete.json"
TABLE: Final = "items.csv"
SHOP_QUALITY: Final = 88
FIELDS: Final = ("path", "key", "category", "product", "domain", "split", "x1", "y1", "x2", "y2")
WORDS: Final = ("colour", "second_colour", "pattern", "material", "sleeve", "neckline", "length", "fit", "detail")

Row = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class DemoCatalogue:
    """A complete demo catalogue on disk. `drawn` is False when it was there already."""

    folder: Path
    table: Path
    seed: int
    products: int
    pictures: int
    drawn: bool


@dataclass(frozen=True, slots=True)
class _Stamp:
    version: int
    seed: int
    products: int


def generate(
    folder: Path,
    *,
    seed: int = 7,
    products: int = 220,
    on_progress: Callable[[int, int], None] | None = None,
    processes: int | None = None,
) -> DemoCatalogue:
    """Draws the catalogue into `folder`, or finds it there already, complete and of the same seed and version.

    `on_progress(done, total)` counts pictures. The result does not depend on `processes` (default: one per core;
    1 draws in this process). The folder appears whole or not at all. Raises FileExistsError when `folder` holds
    something else than a demo catalogue, ValueError when `products` is less than the number of categories.
    """
    folder = Path(folder)
    stamp = _Stamp(VERSION, seed, products)
    complete = _find_complete(folder, stamp)
    if complete:
        return complete
    shop = garments(seed, products)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(folder)
    partial = Path(tempfile.mkdtemp(prefix=_draft_prefix(folder) + f"{os.getpid()}-", dir=folder.parent))
    try:
        pictures = _draw_all(partial, shop, seed, on_progress, processes)
        (partial / STAMP).write_text(json.dumps({**asdict(stamp), "pictures": pictures}) + "\n", encoding="utf-8")
        partial.chmod(0o755)
        _move_into_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return DemoCatalogue(folder, folder / TABLE, seed, products, pictures, drawn=True)


def _find_complete(folder: Path, stamp: _Stamp) -> DemoCatalogue | None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        stored = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        pictures = int(stored.pop("pictures"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise FileExistsError(
            f"{folder} holds something else than a demo catalogue; choose another folder or empty it."
        ) from None
    if stored != asdict(stamp) or not (folder / TABLE).is_file():
        return None
    return DemoCatalogue(folder, folder / TABLE, stamp.seed, stamp.products, pictures, drawn=False)


def _draft_prefix(folder: Path) -> str:
    return f".{folder.name}.drawing-"


def _clear_leftovers(folder: Path) -> None:
    """Removes what runs that were killed half way left beside the folder."""
    for leftover in folder.parent.glob(_draft_prefix(folder) + "*"):
        pid = leftover.name.removeprefix(_draft_prefix(folder)).partition("-")[0]
        if not pid.isdigit() or not _is_alive(int(pid)):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _move_into_place(partial: Path, folder: Path) -> None:
    """Renames the finished folder into place; an older demo catalogue there steps aside and goes."""
    if folder.exists():
        old_folder = Path(tempfile.mkdtemp(prefix=_draft_prefix(folder) + f"{os.getpid()}-", dir=folder.parent))
        folder.replace(old_folder)
        partial.replace(folder)
        shutil.rmtree(old_folder, ignore_errors=True)
    else:
        partial.replace(folder)


def _draw_all(
    folder: Path, shop: list[Garment], seed: int, on_progress: Callable[[int, int], None] | None, processes: int | None
) -> int:
    """Draws every product, in shop order, and writes the table. Returns the number of pictures."""
    total = sum(1 + len(shots_of(garment, place)) for place, garment in enumerate(shop))
    tasks = [(str(folder), garment, place, seed) for place, garment in enumerate(shop)]
    done = 0
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [*FIELDS, *WORDS], lineterminator="\n")
        table.writeheader()
        with closing(in_order(_draw_product, tasks, processes)) as results:
            for rows in results:
                table.writerows(rows)
                done += len(rows)
                if on_progress:
                    on_progress(done, total)
    return done


def _draw_product(task: tuple[str, Garment, int, int]) -> list[Row]:
    """Draws one product's shop picture and street pictures; returns their rows."""
    folder, garment, place, seed = task
    rows = [
        _write_picture(Path(folder), garment, "shop", _picture_name(garment, seed, 0), take_shop(garment), SHOP_QUALITY)
    ]
    for number, shot in enumerate(shots_of(garment, place), start=1):
        picture = take_street(garment, shot)
        rows.append(
            _write_picture(Path(folder), garment, "street", _picture_name(garment, seed, number), picture, shot.quality)
        )
    return rows


def _picture_name(garment: Garment, seed: int, number: int) -> str:
    """A name that stays the same for ever and tells nothing."""
    return hashlib.sha256(f"{seed}:{garment.product}:{number}".encode()).hexdigest()[:12]


def _write_picture(folder: Path, garment: Garment, domain: str, name: str, picture: Picture, quality: int) -> Row:
    path = Path("pictures") / f"{name}.jpg"
    (folder / path).parent.mkdir(exist_ok=True)
    picture.image.save(folder / path, "JPEG", quality=quality)
    x1, y1, x2, y2 = picture.box
    picture_cells: Row = {"path": path.as_posix(), "key": name, "x1": x1, "y1": y1, "x2": x2, "y2": y2}
    kind: Row = {"category": garment.category, "product": garment.product, "domain": domain, "split": garment.split}
    return {**picture_cells, **kind, **garment.labels()}
