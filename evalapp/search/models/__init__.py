"""The tables of search."""

from evalapp.search.models.duplicates import DuplicateLevel, DuplicatePair, DuplicateScan, DuplicateState
from evalapp.search.models.indexes import Generation, GenerationState, IndexExperiment, Replica, SearchIndex
from evalapp.search.models.lookups import KeptPhoto, LiveTest, Lookup, LookupKind, LookupVerdict
from evalapp.search.models.photo_tags import PhotoTag, TagDecision, TaggedPhoto

__all__ = [
    "DuplicateLevel",
    "DuplicatePair",
    "DuplicateScan",
    "DuplicateState",
    "Generation",
    "GenerationState",
    "IndexExperiment",
    "KeptPhoto",
    "LiveTest",
    "Lookup",
    "LookupKind",
    "LookupVerdict",
    "PhotoTag",
    "Replica",
    "SearchIndex",
    "TagDecision",
    "TaggedPhoto",
]
