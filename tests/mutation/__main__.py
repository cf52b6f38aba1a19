"""`python -m tests.mutation [PACKAGE …] [--sample 60] [--seconds 540] [--seed 0] [--write]`: `make mutation`.

Of each package a seeded sample of its mutants is drawn, and for each the tests that run its line are run, the quickest
first, until one fails. What no test noticed is printed, to be read by a person one by one. Everything happens in a copy
of the tree as it was at the beginning: who works on meanwhile disturbs nothing. Answers are kept in `build/mutation/`,
so that a long run can be made in pieces: a mutant that was tried is not tried again; `--again` tries those anew that
survived, once there are new tests.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalapp.stats.intervals.share_intervals import wilson_interval
from tests.conftest import REPOSITORY
from tests.mutation.mutants import Mutant, mutants_of

BUILD = REPOSITORY / "build" / "mutation"
TREE = BUILD / f"tree-{os.getpid()}"
DOCUMENT = REPOSITORY / "docs" / "mutation.md"
MOST_SECONDS = 40.0
"""Of tests that pass without the mutant; the quickest are taken first."""
_NOT_RUN = "browser or journey"
_LIBRARIES = (
    "celery", "django.test", "faiss", "hypothesis", "onnx", "playwright.sync_api", "psycopg2", "pytest_django",
    "pytorch_metric_learning.losses", "pytorch_metric_learning.miners", "rest_framework", "scipy.special",
    "scipy.stats", "sklearn.decomposition", "torch", "transformers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Package:
    """What is broken, and the tests that ought to notice."""

    folders: tuple[str, ...]
    tests: tuple[str, ...]


PACKAGES = {
    "training": Package(("models_registry/training",), ("tests/models_registry/training",)),
    "evaluate": Package(("models_registry/evaluate",), ("tests/models_registry/evaluate",)),
    "stats": Package(("evalapp/stats",), ("tests/stats",)),
    "votes": Package(("evalapp/voting/services",), ("tests/voting",)),
}


def main() -> int:
    """Try mutants until all of the sample or the time is used; print scores and survivors."""
    words = argparse.ArgumentParser(prog="python -m tests.mutation")
    words.add_argument("packages", nargs="*", help=", ".join(PACKAGES))
    words.add_argument("--sample", type=int, default=60, help="mutants of each package")
    words.add_argument("--seconds", type=float, default=540.0, help="for all of it, maps of lines included")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--only", default="", metavar="PATH", help="this file or folder alone, told and not kept")
    words.add_argument("--again", action="store_true", help="try anew what survived")
    words.add_argument("--write", action="store_true", help="the table into docs/mutation.md")
    told = words.parse_args()
    ends = time.monotonic() + told.seconds
    _load_libraries()
    _copy_tree()
    try:
        for name in told.packages or PACKAGES:
            _try_package(name, PACKAGES[name], _Plan(told.sample, told.seed, ends, told.again, told.only))
    finally:
        shutil.rmtree(TREE, ignore_errors=True)
    table = _table()
    print(table)
    if told.write:
        _write(table)
    return 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many mutants, by which seed, until when, whether those that survived are tried anew, and of which files."""

    sample: int
    seed: int
    ends: float
    again: bool
    only: str


def _try_package(name: str, package: Package, plan: _Plan) -> None:
    lines = _map_of(name, package, plan.ends)
    if lines is None:
        print(f"{name}: no time is left to see which tests run which lines.", flush=True)
        return
    kept = {} if plan.only else _answers(name)
    for mutant in _sample(package, plan):
        key = hashlib.sha256(f"{mutant.file}:{mutant.source}".encode()).hexdigest()[:20]
        if key in kept and not (plan.again and not str(kept[key]["answer"]).startswith("killed")):
            continue
        if time.monotonic() > plan.ends:
            print(f"{name}: out of time; run on to try the rest.", flush=True)
            return
        ids = _tests_of(mutant, lines)
        answer = _tried(mutant, ids) if ids else "not run by any test"
        told = {"file": mutant.file, "line": mutant.line, "before": mutant.before, "after": mutant.after}
        kept[key] = {**told, "answer": answer, "seed": plan.seed}
        if not plan.only:
            (BUILD / f"{name}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
        print(f"{name}: {mutant.file}:{mutant.line} {mutant.before} → {mutant.after}: {answer}", flush=True)


def _sample(package: Package, plan: _Plan) -> list[Mutant]:
    """So many mutants of all files, drawn with the seed; a larger sample holds a smaller one."""
    every = [mutant for mutant in _every(package, TREE) if mutant.file.startswith(plan.only)]
    random.Random(plan.seed).shuffle(every)
    return every[: plan.sample]


def _every(package: Package, root: Path) -> Iterator[Mutant]:
    """All mutants of a package's files below `root`."""
    for folder in package.folders:
        for path in sorted((root / folder).rglob("*.py")):
            yield from mutants_of(str(path.relative_to(root)), path.read_text(encoding="utf-8"))


def _tests_of(mutant: Mutant, lines: dict[str, dict[str, dict[str, list[str]]]]) -> list[str]:
    """The tests that run the mutant's line, quickest first, as long as they take no longer than MOST_SECONDS."""
    of_file = lines["lines"].get(mutant.file, {})
    ids = of_file.get(str(mutant.line)) or []
    if not ids and mutant.line not in _inside_functions(mutant.file):
        ids = sorted({one for some in of_file.values() for one in some})
    seconds: dict[str, float] = lines["tests"]  # type: ignore[assignment]
    chosen: list[str] = []
    total = 0.0
    for one in sorted(ids, key=lambda test: seconds[test]):
        total += seconds[one]
        if chosen and total > MOST_SECONDS:
            break
        chosen.append(one)
    return chosen


def _inside_functions(file: str) -> set[int]:
    """Lines of bodies; others are run when the module is imported, before any test."""
    import ast

    tree = ast.parse((TREE / file).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)]
    bodies = [node.body if isinstance(node.body, list) else [node.body] for node in functions]
    return {
        line for body in bodies for node in body for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _tried(mutant: Mutant, ids: Sequence[str]) -> str:
    """Run the tests on the mutant in a process of its own: killed, survived, or killed by taking too long."""
    path = TREE / mutant.file
    untouched = path.read_text(encoding="utf-8")
    path.write_text(mutant.source, encoding="utf-8")
    try:
        code = _run(["-x", *ids], limit=30 + 4 * MOST_SECONDS)
    finally:
        path.write_text(untouched, encoding="utf-8")
    return {0: "survived", 1: "killed", None: "killed: it takes too long"}.get(code, f"killed: pytest ends with {code}")


def _map_of(name: str, package: Package, ends: float) -> dict[str, dict[str, dict[str, list[str]]]] | None:
    """Which tests run which lines, made once for these files and tests; None where the time is up."""
    files = [path for part in (*package.folders, *package.tests) for path in sorted((TREE / part).rglob("*.py"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    path = BUILD / f"{name}-{digest}.lines.json"
    if not path.is_file():
        if time.monotonic() > ends:
            return None
        _run([*package.tests], limit=max(60.0, ends - time.monotonic()), lines=(package.folders, path))
    if not path.is_file():
        return None
    found: dict[str, dict[str, dict[str, list[str]]]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _run(words: list[str], *, limit: float, lines: tuple[tuple[str, ...], Path] | None = None) -> int | None:
    """pytest in the copy of the tree, in a fork that finds heavy libraries loaded; None where it took too long."""
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        _in_the_copy(words, lines)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _load_libraries() -> None:
    """What tests of every package import and no mutant changes, once for all forks: it takes longer than most tests."""
    for name in _LIBRARIES:
        importlib.import_module(name)


def _in_the_copy(words: list[str], lines: tuple[tuple[str, ...], Path] | None) -> None:
    code = 70
    try:
        import pytest

        log = os.open(TREE / "pytest.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for name in [name for name in sys.modules if name.partition(".")[0] in {"tests", "evalapp", "models_registry"}]:
            if name != "tests.mutation.line_map":
                del sys.modules[name]
        os.chdir(TREE)
        sys.path[0] = str(TREE)
        plugins: list[object] = []
        if lines is not None:
            from tests.mutation.line_map import LineMap

            plugins.append(LineMap(TREE, list(lines[0]), lines[1]))
        quiet = ["-q", "-p", "no:cacheprovider", "--reuse-db", "-m", f"not ({_NOT_RUN})"]
        code = int(pytest.main([*quiet, *words], plugins=plugins))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _copy_tree() -> None:
    """The files that git knows or does not ignore, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY, check=True, capture_output=True,
    ).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, listed):
        source, target = REPOSITORY / name, TREE / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _answers(name: str) -> dict[str, dict[str, object]]:
    path = BUILD / f"{name}.json"
    found: dict[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _table() -> str:
    """Scores with their intervals; below them what survived."""
    lines = ["| package | mutants | tried | noticed | score | 95 % |", "|---|---|---|---|---|---|"]
    left = []
    for name, package in PACKAGES.items():
        answers = [one for one in _answers(name).values() if (REPOSITORY / str(one["file"])).is_file()]
        if not answers:
            continue
        noticed = sum(str(one["answer"]).startswith("killed") for one in answers)
        interval = wilson_interval(noticed, len(answers))
        folders = ", ".join(f"`{folder}`" for folder in package.folders)
        score = f"{noticed / len(answers):.2f} | {interval.low:.2f} to {interval.high:.2f}"
        there = sum(1 for _ in _every(package, REPOSITORY))
        tried = f"{len(answers)} ({len(answers) / there:.1%})"
        lines.append(f"| {folders} | {there:,} | {tried} | {noticed} | {score} |")
        left += [one for one in answers if not str(one["answer"]).startswith("killed")]
    survivors = [f"{one['file']}:{one['line']} {one['before']} → {one['after']} ({one['answer']})" for one in left]
    return "\n".join([*lines, "", *survivors])


def _write(table: str) -> None:
    """Between the marks of the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = "<!-- scores -->\n", "<!-- end of scores -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    DOCUMENT.write_text(f"{before}{begin}{table.partition(chr(10) * 2)[0]}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
