"""A photo made into a vector, in memory and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from evalapp.core.domain.errors import InvalidInput
from evalapp.search.domain.lookup_params import Box as Corners
from evalapp.search.domain.search_problems import NotAPicture, TooLarge
from models_registry.encoders.encoder_base import Encoder
from models_registry.pictures import BadPicture, open_rgb
from models_registry.spec import Box, EmptyBox


def opened_photo(data: bytes) -> Image.Image:
    """The photo, upright; raises NotAPicture and TooLarge."""
    try:
        return open_rgb(data, max_pixels=settings.SEARCH_PHOTO_MEGAPIXELS * 1_000_000)
    except BadPicture as fault:
        kind = TooLarge if fault.reason == "too-large" else NotAPicture
        raise kind(str(fault), fields={"photo": [str(fault)]}) from fault


def photo_vector(encoder: Encoder, tap: str, image: Image.Image, corners: Corners | None) -> NDArray[np.float32]:
    """The vector [d] of a photo or of a box in it, by one forward pass.

    Raises InvalidInput for a box without a pixel of the photo.
    """
    batch = np.empty((1, *encoder.input_shape), dtype=np.float32)
    try:
        encoder.prepare(batch[0], image, Box(*corners) if corners else None)
    except EmptyBox as error:
        raise InvalidInput(str(error), fields={"box": [str(error)]}) from error
    # As for the pictures of the catalogue: another number of threads would open the network anew.
    encoder.set_threads(1)
    vector: NDArray[np.float32] = encoder.encode(batch, [tap])[tap][0]
    return vector


@dataclass(frozen=True, slots=True)
class SeenPhoto:
    """A photo as it was looked at, and the vector [d] of it or of its box."""

    image: Image.Image
    vector: NDArray[np.float32]
