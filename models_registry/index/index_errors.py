"""What can go wrong with an index, said in one line to the person who asked for it."""

from __future__ import annotations


class IndexProblem(Exception):
    """An index cannot be built, opened or asked; the message says why and what to do."""


class UnknownEngine(IndexProblem):
    """No engine bears this name, or it has no such codec."""


class EngineMissing(IndexProblem):
    """The engine's library is not installed, or its server does not answer."""


class BrokenGeneration(IndexProblem):
    """Files of a generation are missing, cut short or changed."""


class ForeignGeneration(IndexProblem):
    """A whole generation, but of other vectors or of another version of the engine."""
