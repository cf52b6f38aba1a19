"""How the code is laid out, in figures: `python -m tests.architecture.figures` prints them.

Four of them are held by `test_figures.py`; the others are for whoever tidies up next.
"""

from __future__ import annotations

import ast
import configparser
import io
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("evalapp", "models_registry")
FOLDERS = (*PACKAGES, "frontend/static/js")
MOST_FILES = 14
_GENERATED = ("migrations", "vendor")
_PURE = ("config", "stats", "plots", "demo")
"""Packages of evalapp that are no apps: the layers do not apply to them."""


@cache
def python_files() -> tuple[Path, ...]:
    """The product's modules, migrations left out."""
    found = (path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))
    return tuple(sorted(path for path in found if not set(_GENERATED) & set(path.parts)))


@cache
def tree_of(path: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def layers() -> list[set[str]]:
    """The layers inside an app as `.importlinter` names them, from the top; those in one set do not know each other."""
    return [{name.strip(" ()") for name in line.split("|")} for line in contract_lines("inside")]


def contract_lines(name: str) -> list[str]:
    """The lines of a contract's `layers`, from the top."""
    return [line.strip() for line in _contract(name)["layers"].split("\n") if line.strip()]


def outside_layers() -> list[str]:
    """Modules of apps that stand in no layer."""
    known = set().union(*layers()) | set(_contract("inside")["exhaustive_ignores"].split())
    return [str(path.relative_to(REPOSITORY)) for path, layer in _in_apps() if layer not in known]


def crowded_folders() -> dict[str, int]:
    """Folders with more than MOST_FILES files of their own, `__init__.py` not counted."""
    counts = files_per_folder()
    return {folder: count for folder, count in sorted(counts.items()) if count > MOST_FILES}


def files_per_folder() -> Counter[str]:
    """How many files stand in each folder of code."""
    found = (path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*") if path.suffix in {".py", ".js"})
    own = (path for path in found if path.name != "__init__.py" and not set(_GENERATED) & set(path.parts))
    return Counter(str(path.parent.relative_to(REPOSITORY)) for path in own)


def upward_imports() -> list[str]:
    """Imports inside an app that lead to a higher layer or to a sibling of the same height."""
    height = {name: -place for place, names in enumerate(layers()) for name in names}
    found = []
    for path, layer in _in_apps():
        app = path.relative_to(REPOSITORY).parts[1]
        for module in _imported(path):
            parts = module.split(".")
            if parts[:2] != ["evalapp", app] or len(parts) < 3 or parts[2] not in height or layer not in height:
                continue
            if height[parts[2]] > height[layer] or (height[parts[2]] == height[layer] and parts[2] != layer):
                found.append(f"{path.relative_to(REPOSITORY)} -> {module}")
    return found


def names_alike() -> list[str]:
    """Public classes that share their name within an app, or within models_registry or another pure package; and
    modules that share it within one layer.

    A door and the service behind it may be called alike (`api/jobs.py`, `services/jobs.py`): the layer tells them
    apart. A command's class is Command, which Django wants.
    """
    classes, modules = defaultdict(list), defaultdict(list)
    for path in python_files():
        parts = path.relative_to(REPOSITORY).parts
        package = ".".join(parts[:2] if parts[0] == "evalapp" else parts[:1])
        layer = ".".join(parts[:3]) if parts[0] == "evalapp" else ".".join(parts[:1])
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Command":
                classes[package, node.name].append(path)
        if path.name != "__init__.py":
            modules[layer, path.name].append(path)
    return [f"{package}: {name}" for (package, name), paths in (classes | modules).items() if len(paths) > 1]


def words_per_name() -> tuple[float, float]:
    """Mean number of words in an identifier that the code defines, and in a function's name."""
    names, functions = [], []
    for path in python_files():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.append(_words(node.name))
            names += [_words(name) for name in _defined(node)]
    return sum(names) / len(names), sum(functions) / len(functions)


def lines_of(folder: str) -> int:
    """Lines of the modules below a folder, migrations left out."""
    inside = (path for path in python_files() if (REPOSITORY / folder) in path.parents)
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in inside)


def comments_per_1000() -> float:
    """Comment lines per 1,000 lines of code; those that speak to tools do not count."""
    lines = comments = 0
    for path in python_files():
        source = path.read_text(encoding="utf-8")
        lines += len(source.splitlines())
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            told = token.string.lstrip("# ")
            comments += token.type == tokenize.COMMENT and not told.startswith(("noqa", "type:", "fmt:", "!"))
    return 1000 * comments / lines


def _contract(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / ".importlinter", encoding="utf-8")
    return parser[f"importlinter:contract:{name}"]


def _in_apps() -> Iterator[tuple[Path, str]]:
    """Each module of an app with the first part of its path inside."""
    for path in python_files():
        package, *rest = path.relative_to(REPOSITORY).parts
        if package == "evalapp" and len(rest) > 1 and rest[0] not in _PURE and rest[1] != "__init__.py":
            yield path, rest[1].removesuffix(".py")


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _defined(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    return []


def _words(name: str) -> int:
    """Words in a name, split at underscores and at capitals; at least one."""
    split = "".join(f"_{letter}" if letter.isupper() and not name.isupper() else letter for letter in name)
    return max(1, sum(bool(word) for word in split.split("_")))


def main() -> None:
    """Print the figures, those that a test holds first."""
    identifier, function = words_per_name()
    drawn = lines_of("evalapp/demo")
    rows = [
        ("modules in no layer", len(outside_layers())),
        ("most files in one folder", max(files_per_folder().values())),
        ("upward imports inside apps", len(upward_imports())),
        ("names of two modules or public classes alike", len(names_alike())),
        ("words per identifier", f"{identifier:.2f}"),
        ("words per function name", f"{function:.2f}"),
        ("lines of evalapp without demo and migrations", f"{lines_of('evalapp') - drawn:,}"),
        ("lines of models_registry", f"{lines_of('models_registry'):,}"),
        ("comment lines per 1,000", f"{comments_per_1000():.1f}"),
    ]
    for name, value in rows:
        print(f"{name:50} {value:>8}")


if __name__ == "__main__":
    main()
