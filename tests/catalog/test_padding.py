"""Files of whole steps, with the same picture in them."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from evalapp.catalog.domain.image_padding import padded_jpeg, padded_webp


@pytest.mark.parametrize(("kind", "padded"), [("WEBP", padded_webp), ("JPEG", padded_jpeg)])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (120, 90), (301, 200)])
def test_the_picture_stays_and_the_length_is_a_whole_number_of_steps(kind, padded, size) -> None:  # type: ignore[no-untyped-def]
    out = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(out, kind, quality=82)
    plain = out.getvalue()
    longer = padded(plain)
    assert len(longer) % 4096 == 0
    assert len(plain) < len(longer) <= len(plain) + 4096 + 8
    images = [Image.open(io.BytesIO(data)) for data in (plain, longer)]
    assert images[0].tobytes() == images[1].tobytes()
    assert images[1].format == kind
