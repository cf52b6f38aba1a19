"""What can go wrong with an encoder, said in one line to the person who asked for it."""

from __future__ import annotations


class EncoderError(Exception):
    """An encoder cannot be described, loaded or run; the message says why and what to do."""


class UnknownFamily(EncoderError):
    """No encoder bears this name."""


class DuplicateFamily(EncoderError):
    """Two encoders would bear the same name."""


class WeightsMissing(EncoderError):
    """The weights are not on this machine; the message names the ways to get them."""


class WeightsRefused(EncoderError):
    """A weight file may not be used: another hash, another shape, or values that are not numbers."""


class NonFiniteVectors(EncoderError):
    """A network gave NaN or infinity; such vectors would win or lose every comparison silently."""


class BadOption(EncoderError):
    """An option of an encoder is unknown or has a value that cannot be."""
