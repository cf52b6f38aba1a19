"""What detectors write, in the forms that exporters give it, read as corners, scores and classes.

Three forms cover what is usual: boxes [1, n, 4] with scores [1, n] or [1, n, classes] apart; rows [1, n, 6] of corners,
score and class, as detectors that remove overlaps themselves write them; columns [1, 4 + classes, n] with a score per
class, as those do that leave it to others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.errors import BadOption, EncoderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models_registry.regions.region_spec import Corners, Layout

    Floats = NDArray[np.float32]

MOST_FOUND = 100_000
_ROW = 6
_MOST_CLASSES = 10_000
_FORMS = (
    "boxes [1, n, 4] with scores [1, n] or [1, n, classes], rows [1, n, 6] of corners, score and class, "
    "or columns [1, 4 + classes, n]"
)


@dataclass(frozen=True, slots=True)
class Detections:
    """Corners [n, 4] as the network writes them, scores [n], and the numbers of classes [n], -1 for none."""

    corners: Floats
    scores: Floats
    classes: NDArray[np.int64]


def understand_outputs(
    outputs: Mapping[str, Floats], asked_outputs: Sequence[str], path: object
) -> tuple[Layout, tuple[str, ...]]:
    """How a network writes what it finds, and in which outputs, from those of a trial; `asked_outputs` names some.

    Raises EncoderError saying what is needed.
    """
    for name in asked_outputs:
        if name not in outputs:
            raise BadOption(f"{path} has no output {name}; it has {', '.join(outputs)}.")
    candidates = {name: outputs[name] for name in asked_outputs} if asked_outputs else outputs
    layout_and_names = _find_boxes_apart(candidates, path) or _find_packed_boxes(candidates)
    if layout_and_names is None:
        shapes = ", ".join(f"{name} {list(values.shape)}" for name, values in candidates.items())
        raise EncoderError(f"{path} gives no boxes that can be read ({shapes}); there have to be {_FORMS}.")
    return layout_and_names


def read_detections(outputs: Mapping[str, Floats], names: Sequence[str], layout: Layout, path: object) -> Detections:
    """What was found on one picture; raises EncoderError where the outputs have not the form that was registered."""
    values = [outputs[name] for name in names]
    try:
        if layout == "apart":
            corners = values[0].reshape(-1, 4)
            by_class = values[1].reshape(len(corners), -1) if len(corners) else np.empty((0, 1), np.float32)
        else:
            rows = values[0][0] if values[0].ndim == 3 else values[0]
            rows = rows.T if layout == "columns" else rows
            corners, by_class = rows[:, :4], rows[:, 4:]
    except (IndexError, ValueError) as error:
        raise EncoderError(f"{path} gives boxes in another form than when it was registered.") from error
    if len(corners) > MOST_FOUND:
        raise EncoderError(f"{path} gives {len(corners):,} boxes for one picture; {MOST_FOUND:,} at most are read.")
    if layout == "rows":
        detections = Detections(corners, by_class[:, 0], by_class[:, 1].astype(np.int64))
    elif by_class.shape[1] == 1:
        detections = Detections(corners, by_class[:, 0], np.full(len(corners), -1, dtype=np.int64))
    else:
        detections = Detections(corners, by_class.max(axis=1), by_class.argmax(axis=1))
    if not (np.isfinite(detections.corners).all() and np.isfinite(detections.scores).all()):
        raise EncoderError(f"{path} gives boxes that are not numbers.")
    return detections


def as_shares(corners: Floats, order: Corners, size: tuple[int, int], *, in_pixels: bool) -> Floats:
    """Corners [n, 4] as x1, y1, x2, y2 in shares of the input's (height, width)."""
    shares = corners.astype(np.float32, copy=True)
    if order == "yxyx":
        shares = shares[:, [1, 0, 3, 2]]
    elif order == "xywh":
        shares[:, 2:] += shares[:, :2]
    elif order == "cxcywh":
        half = shares[:, 2:] / 2
        shares = np.concatenate([shares[:, :2] - half, shares[:, :2] + half], axis=1)
    height, width = size
    if in_pixels:
        shares /= np.array([width, height, width, height], np.float32)
    return shares


def _find_boxes_apart(outputs: Mapping[str, Floats], path: object) -> tuple[Layout, tuple[str, ...]] | None:
    boxes = [name for name, values in outputs.items() if values.ndim in (2, 3) and values.shape[-1] == 4]
    if len(boxes) != 1:
        return None
    count = outputs[boxes[0]].shape[-2]
    fitting = [name for name, values in outputs.items() if name != boxes[0] and _has_rows(values, count)]
    if len(fitting) > 1:
        fitting = [name for name in fitting if "score" in name.lower() or "conf" in name.lower()] or fitting
    if len(fitting) > 1:
        names = ", ".join(fitting)
        raise EncoderError(
            f"{path} has several outputs that may be scores ({names}); say which: --outputs BOXES,SCORES."
        )
    return ("apart", (boxes[0], fitting[0])) if fitting else None


def _has_rows(values: Floats, count: int) -> bool:
    shape = values.shape[1:] if values.ndim > 1 and values.shape[0] == 1 else values.shape
    return len(shape) in (1, 2) and shape[0] == count


def _find_packed_boxes(outputs: Mapping[str, Floats]) -> tuple[Layout, tuple[str, ...]] | None:
    for name, values in outputs.items():
        shape = values.shape[1:] if values.ndim == 3 and values.shape[0] == 1 else values.shape
        if len(shape) != 2:
            continue
        if shape[1] == _ROW:
            return "rows", (name,)
        if 4 < shape[0] <= _MOST_CLASSES and shape[1] > shape[0]:
            return "columns", (name,)
    return None
