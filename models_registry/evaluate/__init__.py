"""How good neighbours are: scores from labels, intervals, controls, and signs that an embedding has collapsed.

`compare_entries(question, entries)` makes the whole table; its parts can be had one by one.
"""

from models_registry.evaluate.collapse_measures import Collapse, measure_collapse
from models_registry.evaluate.evaluation_question import Question
from models_registry.evaluate.label_scores import (
    Score,
    category_match,
    expected_random_match,
    hubness,
    mean_score,
    product_recall,
)
from models_registry.evaluate.leak_free_splits import (
    difference_hash,
    near_duplicates,
    split_of,
    split_units,
    split_whole_groups,
)
from models_registry.evaluate.resampling import Interval, bootstrap, paired_difference
from models_registry.evaluate.retrieval import Hits, coverage, find_hits, map_at_r, recall_at
from models_registry.evaluate.score_table import CONTROL, RANKS, SCORES, Entry, Line, Table, compare_entries

__all__ = [
    "CONTROL",
    "RANKS",
    "SCORES",
    "Collapse",
    "Entry",
    "Hits",
    "Interval",
    "Line",
    "Question",
    "Score",
    "Table",
    "bootstrap",
    "category_match",
    "compare_entries",
    "coverage",
    "difference_hash",
    "expected_random_match",
    "find_hits",
    "hubness",
    "map_at_r",
    "mean_score",
    "measure_collapse",
    "near_duplicates",
    "paired_difference",
    "product_recall",
    "recall_at",
    "split_of",
    "split_units",
    "split_whole_groups",
]
