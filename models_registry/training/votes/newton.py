"""Newton's method for the small convex fits of votes: a step that does not lower the loss is halved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def newton_minimum(
    start: Floats,
    loss_at: Callable[[Floats], float],
    derivatives_at: Callable[[Floats], tuple[Floats, Floats]],
    *,
    close: float,
    rounds: int,
) -> Floats:
    """The minimum [k] of a convex loss with these first [k] and second [k, k] derivatives, from `start` [k].

    Ends with a step below `close`, or after so many rounds.
    """
    numbers = start
    for _ in range(rounds):
        gradient, curvature = derivatives_at(numbers)
        step = np.linalg.solve(curvature, gradient)
        # Far from the minimum the curvature can be next to nothing, and a whole step goes far too far.
        loss = loss_at(numbers)
        while np.abs(step).max() >= close and loss_at(numbers - step) > loss + 1e-12 * abs(loss):
            step = step / 2
        numbers = numbers - step
        if np.abs(step).max() < close:
            break
    return numbers
