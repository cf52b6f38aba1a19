"""A stranger's first minutes: the demo from nothing, again, served, and stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.journeys.installation import Installation, Visitor, free_port, wait_for

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    installation = Installation(tmp_path_factory.mktemp("demo") / "var")
    done = installation.run("demo", "--no-serve")
    assert "The study is open: /play/demo/" in done.stdout
    for bar in ("drawing", "embed", "neighbours", "pictures"):
        assert bar in done.stderr, f"no progress bar for {bar}"
    return installation


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


def _processes_of(installation: Installation) -> list[psutil.Process]:
    """Everything whose environment or command line names this installation's folder."""
    found = []
    for process in psutil.process_iter(["pid"]):
        if process.pid == os.getpid():
            continue
        try:
            words = " ".join(process.cmdline()) + process.environ().get("VAR_DIR", "")
        except psutil.Error:
            continue
        if str(installation.var) in words and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def test_the_demo_is_an_open_study_with_at_least_600_pictures_and_200_garments(built: Installation) -> None:
    scores = built.json("evaluate", "demo")
    assert scores["gallery"] >= 600
    names = {line["contender"] for line in scores["contenders"]}
    assert len(names) >= 4
    matches = {line["contender"]: line["category_match"] for line in scores["contenders"]}
    assert max(matches, key=lambda name: matches[name]).startswith("lite0:")
    assert matches["lite0:cosine"] > 0.75


def test_a_second_demo_repeats_nothing(built: Installation) -> None:
    done = built.run("demo", "--no-serve")
    assert "The study is open" in done.stdout
    for bar in ("drawing", "embed", "neighbours"):
        assert bar not in done.stderr


def _paint(folder: Path) -> None:
    """Twelve pictures of two categories."""
    for number in range(12):
        shade = (20 * number, 120, 255 - 20 * number)
        place = folder / ("warm" if number > 5 else "cold")
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64 + number), shade).save(place / f"{number}.png")


def test_ones_own_folder_takes_the_place_of_the_demo(built: Installation, tmp_path: Path) -> None:
    _paint(tmp_path / "mine")
    (tmp_path / "mine" / "warm" / "broken.jpg").write_text("not a picture", encoding="utf-8")

    done = built.run("demo", "--no-serve", "--images", str(tmp_path / "mine"))

    assert "/play/mine/" in done.stdout
    assert built.json("evaluate", "mine")["gallery"] == 12


def test_a_folder_that_does_not_exist_is_told_in_one_line(built: Installation) -> None:
    done = built.run("demo", "--no-serve", "--images", "/nowhere/at/all", code=1)
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_leaves_no_process_behind(built: Installation) -> None:
    port = free_port()
    process = built.start("demo", "--port", str(port))
    wait_for(f"http://127.0.0.1:{port}/healthz", process)
    assert len(_processes_of(built)) >= 5

    process.send_signal(signal.SIGINT)

    assert process.wait(30) == 0
    assert _within(60, lambda: not _processes_of(built)), _processes_of(built)


def test_the_first_demo_is_served_by_a_process_that_did_not_draw(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("first")
    there = Installation(folder / "var")
    _paint(folder / "mine")
    port = free_port()
    process = there.start("demo", "--images", str(folder / "mine"), "--port", str(port))
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz", process, 300)
        serve = psutil.Process(process.pid)
        assert serve.cmdline()[2:] == ["serve", "--host", "127.0.0.1", "--port", str(port)]
        assert Visitor(f"http://127.0.0.1:{port}").post("/api/v1/studies/mine/deck/", {"n": 3})["exposures"]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert _within(60, lambda: not _processes_of(there)), _processes_of(there)


def test_the_death_of_the_parent_takes_its_children_along(built: Installation) -> None:
    port = free_port()
    process = built.start("serve", "--port", str(port))
    wait_for(f"http://127.0.0.1:{port}/healthz", process)

    process.kill()
    process.wait()

    assert _within(60, lambda: not _processes_of(built)), _processes_of(built)


def test_a_killed_web_server_and_a_killed_database_come_back(built: Installation) -> None:
    with built.serving() as address:
        visitor = Visitor(address)
        assert visitor.post("/api/v1/studies/demo/deck/", {"n": 3})["exposures"]
        victims = [
            process
            for process in _processes_of(built)
            if any(word in " ".join(process.cmdline()) for word in ("gunicorn", "bin/postgres"))
        ]
        assert len(victims) >= 2
        for victim in victims:
            if victim.is_running():
                victim.kill()

        def serves_again() -> bool:
            try:
                return bool(visitor.post("/api/v1/studies/demo/deck/", {"n": 3}).get("exposures"))
            except (OSError, ValueError):
                return False

        assert _within(60, serves_again)


def test_a_worker_killed_in_the_middle_costs_at_most_its_chunk(built: Installation) -> None:
    built.run("register_model", "tiny-vgg", "--name", "other", "--seed", "5", "--size", "96")
    contenders = ("--contender", "other.fc6:l2", "--contender", "other.fc7:l1")
    built.run("create_study", "again", "--catalogue", "demo", *contenders)
    first = built.start("precompute", "again", "--wait")
    assert _within(60, lambda: _embedded(built, "again") >= 1 or first.poll() is not None)
    for process in _processes_of(built):
        if "celery" in " ".join(process.cmdline()):
            process.kill()
    first.kill()
    first.wait()

    built.run("precompute", "again", "--wait")

    assert built.json("evaluate", "again")["contenders"][0]["answered"] > 0


def _embedded(installation: Installation, study: str) -> int:
    """Chunks of the study's embeddings that are done."""
    program = (
        "from evalapp.core.models import Chunk; from evalapp.studies.models import Study;"
        f"target = 'study:%d' % Study.objects.get(slug='{study}').pk;"
        "print(Chunk.objects.filter(job__target=target, stage='embed', state='done').count())"
    )
    done = installation.run("shell", "--verbosity", "0", "--command", program)
    return int(done.stdout.strip().splitlines()[-1])
