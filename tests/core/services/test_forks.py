"""Roles that begin as copies of the process that has loaded what they need."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bears a fork")

_PARENT = """
import contextvars, signal, sys
from pathlib import Path
import django; django.setup()
from evalapp.core.services.embedded.forks import fork_command, keep_for_forks
contextvars.ContextVar("who").set("the parent")
signal.signal(signal.SIGTERM, lambda *_: print("handler of the parent", flush=True))
keep_for_forks()
words = [sys.executable, "-W", "ignore:a loud one", "-m", *sys.argv[1:]]
copy = fork_command(words, title="a copy", folder=Path(sys.argv[0] or "."), prepare=lambda: None)
print("pid", copy.pid, flush=True)
print("code", copy.wait(60), flush=True)
"""


def _program(folder: Path, text: str) -> str:
    (folder / "lived.py").write_text(text, encoding="utf-8")
    return "lived"


def _start(folder: Path, *words: str) -> subprocess.Popen[str]:
    program = _PARENT.replace('Path(sys.argv[0] or ".")', f"Path({str(folder)!r})")
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "evalapp.config.settings", "PYTHONPATH": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _lived(folder: Path, text: str, *words: str) -> tuple[str, str]:
    out, err = _start(folder, _program(folder, text), *words).communicate(timeout=60)
    return out, err


def test_a_copy_lives_as_python_would_have_begun_it(tmp_path: Path) -> None:
    text = """
import json, os, sys, atexit, contextvars, warnings
warnings.warn("a loud one")
warnings.warn("another")
atexit.register(lambda: print("bye", file=sys.stderr))
print(json.dumps({
    "name": __name__, "words": sys.argv[1:], "file": sys.argv[0], "folder": os.getcwd(), "input": sys.stdin.read(),
    "leads": os.getpid() == os.getsid(0), "context": len(contextvars.copy_context()), "django": "django" in sys.modules,
}))
"""
    out, err = _lived(tmp_path, text, "--loud", "x y")
    found = json.loads(next(line for line in err.splitlines() if line.startswith("{")))
    assert found == {
        "name": "__main__",
        "words": ["--loud", "x y"],
        "file": str(tmp_path / "lived.py"),
        "folder": str(tmp_path),
        "input": "",
        "leads": True,
        "context": 0,
        "django": True,
    }
    assert "another" in err
    assert "a loud one" not in err
    assert err.splitlines()[-1] == "bye"
    assert out.split()[-2:] == ["code", "0"], "what it prints is on standard error"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("raise SystemExit(3)", "3", ""),
        ("raise SystemExit('no such host')", "1", "no such host"),
        ("raise SystemExit", "0", ""),
        ("1 / 0", "1", "ZeroDivisionError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "-9", ""),
    ],
)
def test_the_parent_learns_how_it_ended(text: str, code: str, said: str, tmp_path: Path) -> None:
    out, err = _lived(tmp_path, text)
    assert out.split()[-2:] == ["code", code]
    assert said in err


def test_a_copy_has_signals_and_a_name_of_its_own(tmp_path: Path) -> None:
    process = _start(tmp_path, _program(tmp_path, "import time; print('up', flush=True); time.sleep(60)"))
    assert process.stdout is not None
    assert process.stderr is not None
    copy = psutil.Process(int(process.stdout.readline().split()[1]))
    assert process.stderr.readline() == "up\n"
    assert " ".join(copy.cmdline()).strip() == "a copy"
    assert copy.environ()["PYTHONPATH"] == str(tmp_path)
    copy.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert out.split() == ["code", "-15"]


_CHOICE = """
import json, sys, threading
from evalapp.core.services.embedded.forks import can_fork
python = sys.executable
alone = [can_fork(words.split()) for words in (f"{python} -m celery", f"{python} manage.py serve", "other -m celery")]
threading.Thread(target=lambda: threading.Event().wait(30), daemon=True).start()
print(json.dumps([alone, can_fork([python, "-m", "celery"])]))
"""


def test_only_modules_begin_so_and_only_from_a_process_of_one_thread() -> None:
    done = subprocess.run([sys.executable, "-c", _CHOICE], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[True, False, False], False]
