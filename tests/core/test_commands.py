from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.core.management.base import OutputWrapper

from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.management.command_base import Command


class Baker(Command):
    offers_json = True

    def __init__(self, outcome: Any) -> None:
        super().__init__(stdout=io.StringIO(), stderr=io.StringIO())
        self.outcome = outcome

    def run(self, **options: Any) -> Any:
        self.say("baking")
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_json_is_one_document_and_nothing_else() -> None:
    baker = Baker({"loaves": 3})
    baker.handle(json=True)
    assert json.loads(baker.stdout._out.getvalue()) == {"loaves": 3}


def test_people_get_lines_and_no_json() -> None:
    baker = Baker({"loaves": 3})
    baker.handle(json=False)
    assert baker.stdout._out.getvalue() == "baking\n"


def test_what_is_said_stands_in_the_log_file_at_once(tmp_path: Path) -> None:
    log = tmp_path / "baker.log"
    with log.open("w") as out:
        baker = Baker(None)
        baker.stdout = OutputWrapper(out)
        baker.say("The oven is hot.")
        assert log.read_text() == "The oven is hot.\n"


@pytest.mark.parametrize(
    ("problem", "code"), [(Conflict("The oven\nis taken."), 1), (InvalidInput("No such loaf."), 2)]
)
def test_problems_become_one_line_and_an_exit_code(problem: Exception, code: int) -> None:
    with pytest.raises(CommandError) as refusal:
        Baker(problem).handle()
    assert refusal.value.returncode == code
    assert "\n" not in str(refusal.value)


def test_ctrl_c_says_how_to_go_on() -> None:
    baker = Baker(None)
    baker.run = _interrupted  # type: ignore[method-assign]
    with pytest.raises(CommandError, match="Run the same command again"):
        baker.handle()


def _interrupted(**_: Any) -> None:
    raise KeyboardInterrupt
