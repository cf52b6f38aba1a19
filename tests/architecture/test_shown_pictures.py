"""An item with a box is its crop wherever people see it: pages and documents name `item.shown`, not `item.picture`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import REPOSITORY

# A photo that somebody brought is seen whole, and so is a picture in which a network looks for boxes; beside a crop
# stands, small, the picture that it was cut from.
WHOLE = {"photo.picture.public_id", "photo.picture.width", "photo.picture.height"}
WHOLE_IN = {"frontend/templates/contenders/region.html", "frontend/templates/catalog/boxed.html"}
NAMED = re.compile(r"\b\w+\.picture\.(?:public_id|width|height)\b")
ROOMS = (("evalapp", "pages/*.py"), ("evalapp", "api/*.py"), ("frontend/templates", "*.html"))


def texts() -> dict[str, str]:
    files = [file for room, kind in ROOMS for file in (REPOSITORY / room).rglob(kind)]
    return {str(Path(file).relative_to(REPOSITORY)): file.read_text(encoding="utf-8") for file in files}


def test_what_people_see_of_an_item_is_its_box() -> None:
    found = texts()
    assert {"evalapp/search/pages/search.py", "frontend/templates/search/compare.html"} <= found.keys()
    named = {file: set(NAMED.findall(text)) - WHOLE for file, text in found.items() if file not in WHOLE_IN}
    assert {file: names for file, names in named.items() if names} == {}
