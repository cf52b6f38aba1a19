"""A picture made into the numbers a network reads: crop, resize, order the channels, normalise.

Cropping comes first and for real: Pillow's `resize(box=...)` lets the filter reach over the box's edge, so
that pixels outside would change the vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.spec import Box, Preprocess

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def prepare_picture(image: Image.Image, box: Box | None, preprocess: Preprocess) -> NDArray[np.float32]:
    """One RGB picture as float32 [3, height, width]; raises EmptyBox where the box misses the picture."""
    height, width = preprocess.size
    out = np.empty((3, height, width), dtype=np.float32)
    prepare_into(out, image, box, preprocess)
    return out


def prepare_into(out: NDArray[np.float32], image: Image.Image, box: Box | None, preprocess: Preprocess) -> None:
    """The same, written into a row of a batch [3, height, width]: the hot path, with no copy in between."""
    factor, offset = factor_and_offset(preprocess)
    np.multiply(_channel_planes(image, box, preprocess), factor, out=out, dtype=np.float32)
    out -= offset


def pixels_into(out: NDArray[np.uint8], image: Image.Image, box: Box | None, preprocess: Preprocess) -> None:
    """The picture's pixels as `prepare_into` would normalise them, still 8-bit, into a row [3, height, width]."""
    out[...] = _channel_planes(image, box, preprocess)


def normalise_pixels(pixels: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.float32]:
    """What `prepare_into` would have made of pixels [..., 3, height, width], to the last bit."""
    factor, offset = factor_and_offset(preprocess)
    out = np.multiply(pixels, factor, dtype=np.float32)
    out -= offset
    return out


def factor_and_offset(preprocess: Preprocess) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factor and offset [3, 1, 1] so that pixel * factor - offset is (pixel / 255 - mean) / std."""
    mean = np.array(preprocess.mean, dtype=np.float64)[:, None, None]
    std = np.array(preprocess.std, dtype=np.float64)[:, None, None]
    return (1.0 / (255.0 * std)).astype(np.float32), (mean / std).astype(np.float32)


def _channel_planes(image: Image.Image, box: Box | None, preprocess: Preprocess) -> NDArray[np.uint8]:
    """Cropped, resized, its channels in order: uint8 [3, height, width]."""
    if box is not None:
        inside = box.clamp_to(image.width, image.height)
        image = image.crop((inside.x1, inside.y1, inside.x2, inside.y2))
    planes = np.asarray(_resize_by_rules(image, preprocess)).transpose(2, 0, 1)
    return planes[::-1] if preprocess.channels == "bgr" else planes


def _resize_by_rules(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    """The picture at exactly the size of the rules, still 8-bit RGB."""
    height, width = preprocess.size
    resample = _FILTERS[preprocess.interpolation]
    if preprocess.before_crop is not None:
        return _cut_middle(image, preprocess, preprocess.before_crop, resample)
    if preprocess.resize == "squash":
        return _scale_to(image, (width, height), resample)
    across, down = width / image.width, height / image.height
    if preprocess.resize == "shorter-side":
        scale = max(across, down)
        full = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
        left, top = (full[0] - width) // 2, (full[1] - height) // 2
        return _scale_to(image, full, resample).crop((left, top, left + width, top + height))
    scale = min(across, down)
    fitted = (
        min(width, max(1, round(image.width * scale))),
        min(height, max(1, round(image.height * scale))),
    )
    frame = Image.new("RGB", (width, height), _mean_colour(preprocess))
    frame.paste(_scale_to(image, fitted, resample), ((width - fitted[0]) // 2, (height - fitted[1]) // 2))
    return frame


def _cut_middle(image: Image.Image, preprocess: Preprocess, side: int, resample: Image.Resampling) -> Image.Image:
    """The middle of the picture once its shorter side, or both, have so many pixels: sizes as transformers counts them,
    which cuts the longer side down to whole pixels, and the middle towards the top left."""
    height, width = preprocess.size
    if preprocess.resize == "squash":
        full = (side, side)
    else:
        short = min(image.width, image.height)
        full = (int(side * image.width / short), int(side * image.height / short))
    left, top = (full[0] - width) // 2, (full[1] - height) // 2
    return _scale_to(image, full, resample).crop((left, top, left + width, top + height))


def _scale_to(image: Image.Image, size: tuple[int, int], resample: Image.Resampling) -> Image.Image:
    return image if image.size == size else image.resize(size, resample)


def _mean_colour(preprocess: Preprocess) -> tuple[int, int, int]:
    """The RGB colour that normalises to about 0, so that a letterbox's bars say nothing to the network."""
    first, second, third = (min(255, max(0, round(255 * value))) for value in preprocess.mean)
    return (first, second, third) if preprocess.channels == "rgb" else (third, second, first)
