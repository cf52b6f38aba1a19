"""Small faults that a program can be given: a comparison turned round, a number off by one, a condition negated.

What tests could not notice is left alone: annotations, texts, defaults of settings, what only type checkers read, and
how an error is worded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.MatMult: ast.Add,
}  # fmt: skip
_UNHEARD = {"strict", "dtype", "copy", "stable", "kind", "weights_only", "encoding", "newline", "help_text"}
"""Arguments by name whose values guard or say how, and change no answer."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """The line of a file, what was there and what is there now, and the whole changed source."""

    file: str
    line: int
    before: str
    after: str
    source: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A node that can be changed, and the node that takes its place."""

    node: ast.expr | ast.stmt
    changed: ast.expr | ast.stmt


def mutants_of(file: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    for place in sorted(_places(ast.parse(source)), key=lambda one: (one.node.lineno, one.node.col_offset)):
        changed = _with(source, place)
        yield Mutant(file, place.node.lineno, _one_line(place.node), _one_line(place.changed), changed)


def _places(tree: ast.Module) -> Iterator[_Place]:
    for node in _heard(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
            other = _COMPARISONS[type(node.ops[0])]()
            yield _Place(node, ast.Compare(node.left, [other], node.comparators))
        elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not _is_text(node):
            yield _Place(node, ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right))
        elif isinstance(node, ast.BoolOp):
            yield _Place(node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
            yield _Place(node, node.operand)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
            yield _Place(node, ast.Constant(_other(node.value)))
        elif isinstance(node, ast.IfExp):
            yield _Place(node, ast.IfExp(node.test, node.orelse, node.body))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield _Place(node, ast.Pass())


def _heard(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """The nodes below, without what no test could notice."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            continue
        if name == "value" and isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant | ast.Tuple):
            continue  # the default of a setting
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_unheard(child):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            yield from _heard(child)


def _is_unheard(node: ast.AST) -> bool:
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.keyword):
        return node.arg in _UNHEARD
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert)


def _is_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides)


def _other(value: float) -> float:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value * 2 or 1.0


def _with(source: str, place: _Place) -> str:
    """The source with one node replaced; columns count bytes."""
    node = place.node
    lines = source.encode().splitlines(keepends=True)
    end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
    text = ast.unparse(place.changed)
    told = f"({text})" if isinstance(place.changed, ast.expr) else text
    before, after = lines[node.lineno - 1][: node.col_offset], lines[end_line - 1][end:]
    lines[node.lineno - 1 : end_line] = [before + told.encode() + after]
    return b"".join(lines).decode()


def _one_line(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:100]
