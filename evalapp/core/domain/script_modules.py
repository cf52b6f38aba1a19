"""The modules of the front end, as the server sees them: who imports whom, and how a worker gets them in one piece.

Pages need no build step: their import map translates plain names ("logic/deck") to hashed addresses. A service worker
has no import map, so what it needs is put together for it here; so is, when files are collected, all that a page needs,
since on a slow line every request costs.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django.conf import settings

_IMPORT = re.compile(r"""^(?:import|export)\s[^;]*?\bfrom\s+["']([^"']+)["'];?""", re.MULTILINE)
_NAMES = re.compile(r"""^import\s+\{([^}]*)\}\s+from\s+["']([^"']+)["'];?""", re.MULTILINE)
_EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function|class|const|let)\b)", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?:/\*(?:(?!\*/).)*\*/[ \t]*|//[^\n]*)(?:\n|\Z)", re.MULTILINE | re.DOTALL)
_EXPORTED = re.compile(r"^export\s+(?:async\s+)?(?:function|class|const|let)\s+(\w+)", re.MULTILINE)


@cache
def modules_by_name() -> dict[str, Path]:
    """Every module of the front end by its plain name; those of pages and workers are started, never imported."""
    paths_by_name: dict[str, Path] = {}
    for folder in map(Path, settings.STATICFILES_DIRS):
        root = folder / "js"
        paths_by_name |= {
            path.relative_to(root).with_suffix("").as_posix(): path for path in sorted(root.rglob("*.js"))
        }
    return paths_by_name


@cache
def needed_by(start: str) -> tuple[str, ...]:
    """What a module imports, directly or not, so that a browser need not find it out step by step."""
    needed: dict[str, None] = {}
    waiting = [start]
    while waiting:
        for name in _imports_of(waiting.pop()):
            if name not in needed:
                needed[name] = None
                waiting.append(name)
    return tuple(needed)


@cache
def bundled_script(start: str) -> str:
    """A module with all that it imports as one classic script. Knows the forms of import and export used here:
    `import { a, b as c } from "name"` and `export` before a function, class or constant."""
    ordered: list[str] = []
    _order_imports(start, ordered)
    return "\n".join(['"use strict";', "const modules = {};", *map(_wrap_module, ordered)])


@cache
def bundled_module(start: str) -> str:
    """A module with all that it imports as one module; it may wait at its top, those that it imports may not."""
    ordered: list[str] = []
    _order_imports(start, ordered)
    body = _EXPORT.sub("", _NAMES.sub(_destructure_import, modules_by_name()[start].read_text(encoding="utf-8")))
    return without_comments("\n".join(["const modules = {};", *map(_wrap_module, ordered[:-1]), body]))


def without_comments(text: str) -> str:
    """A script or a style sheet without the comments that begin a line: half of what goes over the line is words."""
    return _COMMENT.sub("", text)


def bundle_path(page: str) -> str:
    """Where the bundle of a page lies among the static files."""
    return f"js/bundles/{page}.js"


def _imports_of(name: str) -> list[str]:
    imported = _IMPORT.findall(modules_by_name()[name].read_text(encoding="utf-8"))
    return [one for one in imported if one in modules_by_name()]


def _order_imports(name: str, ordered: list[str]) -> None:
    for needed in _imports_of(name):
        if needed not in ordered:
            _order_imports(needed, ordered)
    ordered.append(name)


def _wrap_module(name: str) -> str:
    text = modules_by_name()[name].read_text(encoding="utf-8")
    exported = ", ".join(_EXPORTED.findall(text))
    body = _EXPORT.sub("", _NAMES.sub(_destructure_import, text))
    return f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();'


def _destructure_import(match: re.Match[str]) -> str:
    return f'const {{{match[1].replace(" as ", ": ")}}} = modules["{match[2]}"];'
