"""What can go wrong with an encoder, said in one line to the person who asked for it."""

from __future__ import annotations


class EncoderError(Exception):
    """An encoder cannot be described, loaded or run; the message says why and what to do."""


class UnknownFamilyError(EncoderError):
    """No encoder bears this name."""


class DuplicateFamilyError(EncoderError):
    """Two encoders would bear the same name."""


class WeightsMissingError(EncoderError):
    """The weights are not on this machine; the message names the ways to get them."""


class WeightsRefusedError(EncoderError):
    """A weight file may not be used: another hash, another shape, or values that are not numbers."""


class NonFiniteVectorsError(EncoderError):
    """A network gave NaN or infinity; such vectors would win or lose every comparison silently."""


class OptionError(EncoderError):
    """An option of an encoder is unknown or has a value that cannot be."""
