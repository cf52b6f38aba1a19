"""The shop that searches are tested in: plain coloured pictures, so that anyone can see what must be found."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from evalapp.catalog.domain.originals import store_original
from evalapp.catalog.services.items import ItemDraft, upsert_items
from evalapp.contenders.services.registration import register_model
from evalapp.search.domain.service_address import SECONDS_HEADER
from evalapp.search.models import SearchIndex
from evalapp.search.pipeline.search_service.served_indexes import ServedIndexes
from evalapp.search.pipeline.search_service.wsgi import SearchApplication, _header_variable
from evalapp.search.services.search_indexes import IndexPlan, create_index

HUES = {"red": 0, "yellow": 60, "green": 120, "cyan": 180, "blue": 240, "pink": 300}


def photo(hue: int, light: int = 50, size: tuple[int, int] = (48, 64), kind: str = "JPEG", **how: Any) -> bytes:
    """A picture of one colour with a lighter middle."""
    image = Image.new("RGB", size, f"hsl({hue}, 80%, {light}%)")
    inner = Image.new("RGB", (size[0] // 2, size[1] // 2), f"hsl({hue}, 80%, {min(95, light + 20)}%)")
    image.paste(inner, (size[0] // 4, size[1] // 4))
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def draft(key: str, data: bytes, **words: Any) -> ItemDraft:
    """An item with this picture, which is stored."""
    return ItemDraft(key=key, path=f"{key}.jpg", picture=store_original(data), **words)


def shop_index(slug: str = "shop", *, is_public: bool = True, items: int = 12) -> SearchIndex:
    """Two pictures of each of six colours, one of a dress and one of a shirt; two of one colour are one product."""
    drafts = []
    for number in range(items):
        name = list(HUES)[number // 2 % len(HUES)]
        category = ("dress", "shirt")[number % 2]
        data = photo(HUES[name], 40 + 10 * (number % 2) + number // 12)
        attributes = {"colour": name, "neck": ("round", "v")[number % 3 == 0]}
        key = f"{name}-{category}" + (f"-{number}" if number >= 12 else "")
        drafts.append(draft(key, data, category=category, product=name, attributes=attributes))
    upsert_items(slug, drafts)
    register_model(source="colour-histogram", name="colours", options={})
    plan = IndexPlan(slug=slug, catalogue=slug, encoder="colours", metrics=["cosine", "l1"], is_public=is_public)
    return create_index(plan)


class ServiceHere:
    """The real application behind the client's own wire, in one process."""

    def __init__(self) -> None:
        self.served = ServedIndexes()
        self.application = SearchApplication(self.served)
        self.is_up = True
        self.asked = 0

    def post(self, message: bytes, seconds: float) -> tuple[int, bytes]:
        """What the client sends; OSError while the service is down."""
        self.asked += 1
        if not self.is_up:
            raise ConnectionRefusedError
        told: dict[str, Any] = {}
        environ = {
            "PATH_INFO": "/lookup",
            "REQUEST_METHOD": "POST",
            "CONTENT_LENGTH": str(len(message)),
            "wsgi.input": io.BytesIO(message),
            _header_variable(SECONDS_HEADER): str(seconds),
        }
        body = b"".join(self.application(environ, lambda status, _headers: told.update(status=status)))
        return int(told["status"].split()[0]), body
