"""Exact nearest neighbours under four metrics, in memory that does not grow with the gallery."""

from models_registry.neighbours.random_control import random_control
from models_registry.neighbours.refresh import refresh_neighbours
from models_registry.neighbours.search import nearest
from models_registry.neighbours.search_result import Neighbours
from models_registry.neighbours.visibility import GroupPair, Visibility, group_codes

__all__ = ["GroupPair", "Neighbours", "Visibility", "group_codes", "nearest", "random_control", "refresh_neighbours"]
