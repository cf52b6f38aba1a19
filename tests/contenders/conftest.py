"""The coloured cards of the studies' tests: vectors that can be made in no time."""

from tests.studies.conftest import cards

__all__ = ["cards"]
