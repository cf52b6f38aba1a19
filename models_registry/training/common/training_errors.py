"""What stops a training run, said in one line to the person who asked for it."""

from __future__ import annotations

from models_registry.errors import EncoderError


class TrainingError(EncoderError):
    """A run cannot begin or go on; the message says why and what to do."""


class UnusableLabels(TrainingError):
    """The labels do not carry what the recipe learns from."""


class Diverged(TrainingError):
    """The loss is no number any more."""


class DiskFull(TrainingError):
    """A checkpoint could not be written."""


class OutOfMemory(TrainingError):
    """A batch does not fit into the memory of the device."""


class Stopped(TrainingError):
    """Somebody asked the run to stop; what it has learnt so far lies in its last checkpoint."""
