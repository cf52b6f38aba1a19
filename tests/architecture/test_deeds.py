"""Whatever an operator's door can change is written down: who did what.

Walks what pages, API and commands call of services and pipelines: each is `recorded`, or named here with the reason why
it is not.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from evalapp.core.services import deeds

REPOSITORY = Path(__file__).resolve().parents[2]
DOORS = ("api", "pages", "management")

READS = {
    "acceptances_as_stored", "acceptances_of", "all_examinations", "all_maps", "bases_named", "board_as_published",
    "board_of", "broken_shards", "check_texts", "cost_of", "decided_after", "document_of", "duels_as_published",
    "examination_by_id", "flags_of_study", "gather_findings", "has_bundle", "head_to_head", "import_by_id",
    "in_words", "job_of", "kept_backups", "kept_snapshots", "last_decided", "link_to_send", "list_holdings",
    "map_by_id", "mapping_from_text", "matches_of", "measurable_contenders", "measuring_pictures", "most_reported",
    "needed_by", "next_triplet", "open_test_of", "outlook_of", "own_addresses", "packed_checkpoint",
    "packed_snapshot", "picture_url", "places_of", "quick_start_by_id", "registration_by_id", "reported_out",
    "reviewer_counts", "stored_rendition", "stored_sums_of", "study_needed_by", "suspected_items", "suspects_of",
    "taste_of", "triplet_counts", "waiting_reports", "worker_is_alive",
}  # fmt: skip
VISITORS = {
    "answer_lookup": "an answer to a search",
    "answer_by_attributes": "an answer to a search",
    "cast_votes": "what visitors say is in their votes",
    "deck_for": "what visitors are shown is in their exposures",
    "ensure_rendition_on_request": "a file that was missing",
    "forget_voter": "who wants to be forgotten leaves no line about it",
    "keep_photo": "a visitor's own photo",
    "switch_taste": "a visitor's own choice",
    "take_feedback": "what visitors say is in their votes",
    "undo_votes": "what visitors say is in their votes",
}
COMPUTED = {
    "advance_turn": "goes on with a turn that was asked for",
    "celery_command": "starts a process",
    "check_arrivals": "pairs that follow from rows, for a person to decide",
    "collect_if_changed": "files of the pages",
    "evaluate_study": "numbers that follow from rows",
    "keep_for_forks": "memory of this process",
    "measure_contender": "numbers that follow from rows",
    "rebuild_sums": "numbers that follow from rows",
    "refresh_report": "numbers that follow from rows",
    "running_crew": "starts processes",
    "score_by_protocol": "numbers that follow from rows",
    "update_sums": "numbers that follow from rows",
    "worker_command": "starts a process",
}
EXCUSED = READS | VISITORS.keys() | COMPUTED.keys()


def test_every_service_behind_an_operators_door_is_recorded() -> None:
    silent = {
        f"{where}: {function.__module__}.{function.__name__}"
        for where, function in _called()
        if not hasattr(function, "records") and function.__name__ not in EXCUSED
    }
    assert not silent, "Decorate these with `recorded`, or say above why not:\n" + "\n".join(sorted(silent))


def test_whoever_is_excused_is_there_and_not_recorded() -> None:
    functions = {function.__name__: function for _, function in _called()}
    assert not [name for name in EXCUSED & functions.keys() if hasattr(functions[name], "records")]


@pytest.mark.parametrize(
    "name", ["open_study", "close_study", "withdraw_pictures", "block_voter", "lift_reports", "remove_export"]
)
def test_the_walk_meets_what_operators_do(name: str) -> None:
    assert name in {function.__name__ for _, function in _called()}


def test_a_service_that_is_not_recorded_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from evalapp.exports.services import write_exports

    monkeypatch.setattr(write_exports, "remove_export", inspect.unwrap(write_exports.remove_export))
    with pytest.raises(AssertionError, match="remove_export"):
        test_every_service_behind_an_operators_door_is_recorded()


def _called() -> Iterator[tuple[str, object]]:
    """Every function of a service or pipeline that a door names, with the door."""
    for path in sorted((REPOSITORY / "evalapp").rglob("*.py")):
        inside = path.relative_to(REPOSITORY).with_suffix("").parts
        if len(inside) > 2 and inside[2] in DOORS and inside[1] != "config":
            for function in _named(path):
                yield ".".join(inside), function


def _named(path: Path) -> Iterator[object]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules: dict[str, ModuleType] = {}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("evalapp.")):
            continue
        for alias in node.names:
            found = _resolve(node.module, alias.name)
            if isinstance(found, ModuleType):
                modules[alias.asname or alias.name] = found
            elif _is_work(found):
                yield found
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            found = getattr(modules[node.value.id], node.attr, None)
            if _is_work(found):
                yield found


def _resolve(module: str, name: str) -> object:
    holder = importlib.import_module(module)
    return getattr(holder, name) if hasattr(holder, name) else importlib.import_module(f"{module}.{name}")


def _is_work(found: object) -> bool:
    """A function of the layers that write. `deeds` itself is the pen, not a deed."""
    if not inspect.isfunction(found) or found.__module__ == deeds.__name__:
        return False
    layers = found.__module__.split(".")[2:3]
    return layers in (["services"], ["pipeline"])
