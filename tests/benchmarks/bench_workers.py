"""Embedding a catalogue through a real worker process, over the bare limit; and what the ledger costs.

The worker is the product's own: messages, claimed chunks, beats, vectors written, checked and renamed. The limit is
that of `bench_embedding.py`: decoding alone plus forward passes alone, each with every core busy. A worker's first
chunk loads the network; the rate is that of the chunks after it, and the whole run is shown beside it.

The ledger's share is measured in a worker's turn inside this process: the time in claims, beats, marks of chunks and
stages, and in writing shards (checksums, flush to disk and rename included), over the time of the turn without them.

Run: python tests/benchmarks/bench_workers.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")
# An installation of its own: database, messages, pictures and vectors.
VAR = tempfile.TemporaryDirectory(prefix="don-workers-")
os.environ["VAR_DIR"] = VAR.name

import django  # noqa: E402 - the repository is on the path only now

django.setup()

from django.conf import settings  # noqa: E402 - only after setup
from django.core.management import call_command  # noqa: E402
from django.db.models import Max, Min, Sum  # noqa: E402

import evalapp.config.celery  # noqa: E402, F401 - it must exist before any task is sent
from evalapp.catalog.models import Catalogue  # noqa: E402
from evalapp.core.management.temporary_workers import a_worker  # noqa: E402
from evalapp.core.models import Chunk, Job, JobState  # noqa: E402
from evalapp.core.pipeline import chunk_work  # noqa: E402
from evalapp.core.services import jobs  # noqa: E402
from evalapp.core.services.jobs import request_job  # noqa: E402
from evalapp.core.tasks import nudge  # noqa: E402
from evalapp.studies.models import Study  # noqa: E402
from evalapp.studies.services import StudyPlan, create_study  # noqa: E402
from models_registry.devices import usable_cores  # noqa: E402
from models_registry.store import shards  # noqa: E402
from tests.benchmarks.bench_embedding import MOBILENET_OPTIONS, SHARED, bare_calls, load, pictures  # noqa: E402
from tests.benchmarks.harness import Row, at_least, at_most, print_table, timed_in_turns  # noqa: E402

LEDGER = (
    (jobs, "claim_chunk"),
    (jobs, "beat_chunk"),
    (jobs, "finish_chunk"),
    (jobs, "begin_stage"),
    (shards, "write_shard"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pictures")
    quick = parser.parse_args().quick
    networks = sorted((SHARED / "models").glob("mobilenet*.onnx"))
    if not networks:
        print(f"No ONNX networks in {SHARED / 'models'}: there is nothing to measure.")
        return
    files = pictures(600 if quick else 3068, Path(VAR.name))
    call_command("migrate", verbosity=0)
    call_command("import_catalogue", "photos", str(_folder_of(files)), stdout=sys.stderr)
    rows: list[Row] = []
    for network in networks:
        rows += _through_a_worker(network.stem, f"onnx:{network}", files)
        rows.append(_ledger(network.stem))
    print_table(f"Embedding {len(files):,} pictures through a worker on {usable_cores()} cores", rows)


def _through_a_worker(name: str, source: str, files: list[Path]) -> list[Row]:
    study = _drafted(name, source)
    with a_worker():
        job = request_job("precompute", f"study:{study.pk}")
        nudge(job)
        _wait_for(job)
    decoding, *forward = timed_in_turns(bare_calls(load(source, MOBILENET_OPTIONS), ("embedding",), files), 3)
    limit = len(files) / (decoding + min(forward))
    chunks = Chunk.objects.filter(job=job, stage="embed")
    first = chunks.order_by("ended_at").first()
    assert first is not None
    seen = chunks.aggregate(begun=Min("begun_at"), ended=Max("ended_at"), size=Sum("size"))
    warm = (seen["size"] - first.size) / (seen["ended"] - first.ended_at).total_seconds()
    whole = seen["size"] / (seen["ended"] - seen["begun"]).total_seconds()
    return [
        at_least(f"{name}, a worker", warm, limit, "pictures/s", 0.9),
        Row(f"{name}, with loading the network", whole, limit, "pictures/s", whole / limit),
    ]


def _ledger(name: str) -> Row:
    """The same work once more in this process, with the vectors gone."""
    shutil.rmtree(settings.EMBEDDINGS_DIR)
    job = request_job("precompute", f"study:{Study.objects.get(slug=_slug(name)).pk}")
    with _clocked() as spent:
        start = time.perf_counter()
        while chunk_work.work_on(job.pk, seconds=1.0) and Job.objects.get(pk=job.pk).stage in {"", "embed"}:
            pass
        work = time.perf_counter() - start - sum(spent)
    return at_most(f"{name}, ledger and shards over the work", sum(spent), work, "s", 0.03)


@contextmanager
def _clocked() -> Iterator[list[float]]:
    """The seconds of every call into the ledger during the block."""
    spent: list[float] = []

    def timed(call: Callable[..., Any], *args: Any, **words: Any) -> Any:
        start = time.perf_counter()
        try:
            return call(*args, **words)
        finally:
            spent.append(time.perf_counter() - start)

    with ExitStack() as patches:
        for module, name in LEDGER:
            patches.enter_context(patch.object(module, name, partial(timed, getattr(module, name))))
        yield spent


def _drafted(name: str, source: str) -> Study:
    model = _slug(name)
    call_command("register_model", source, name=model, stdout=sys.stderr, **MOBILENET_OPTIONS)
    plan = StudyPlan(slug=model, catalogue=Catalogue.objects.get(), contenders=[f"{model}:cosine"], queries=100)
    return create_study(plan)


def _slug(name: str) -> str:
    return name.replace("_", "-")


def _wait_for(job: Job) -> None:
    while job.state in {JobState.PENDING, JobState.RUNNING}:
        time.sleep(0.5)
        job.refresh_from_db()
    assert job.state == JobState.DONE, job.error


def _folder_of(files: list[Path]) -> Path:
    """Copies of the pictures in a folder of their own."""
    folder = Path(VAR.name) / "photos"
    folder.mkdir()
    for number, file in enumerate(files):
        shutil.copyfile(file, folder / f"{number}{file.suffix}")
    return folder


if __name__ == "__main__":
    main()
