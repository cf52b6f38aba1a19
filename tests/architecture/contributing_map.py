"""The map in CONTRIBUTING.md, made of the contracts: `python -m tests.architecture.contributing_map` prints it."""

from __future__ import annotations

import ast

from tests.architecture.figures import REPOSITORY, contract_lines


def ladder() -> str:
    """A line for each package from the top of the ladder, with the first sentence of its docstring."""
    packages = [name.strip() for line in contract_lines("ladder") for name in line.split("|")]
    return "\n".join(f"{package:21} {_first_sentence(package)}" for package in packages)


def anatomy() -> str:
    """The layers inside an app, from the top."""
    return "\n".join(line.replace("(", "").replace(")", "") for line in contract_lines("inside"))


def _first_sentence(package: str) -> str:
    file = REPOSITORY.joinpath(*package.split("."), "__init__.py")
    told = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return told.split("\n")[0].split(". ")[0].rstrip(".")


if __name__ == "__main__":
    print(f"{ladder()}\n\n{anatomy()}")
