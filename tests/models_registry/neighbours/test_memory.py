"""A gallery much larger than the memory that is allowed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models_registry.metrics import METRICS, Metric
from models_registry.store import TapStore, key_for_item

REPOSITORY = Path(__file__).resolve().parents[3]
MIB = 1 << 20
COUNT, DIM = 24_000, 1024

# Mapped files do not count as data; everything that is allocated does.
SEARCH = """
import resource, sys
from pathlib import Path
import numpy as np
from models_registry.neighbours import nearest
from models_registry.store import TapStore, Vectors, key_for_item

path, metric, block, allowed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
count = int(sys.argv[5])
order = np.random.default_rng(0).permutation(count)
gallery = TapStore(path).reader([key_for_item(str(number)) for number in order])
queries = TapStore(path).reader([key_for_item(str(number)) for number in range(40)])

def search(gallery, ids):
    return nearest(queries, gallery, metric=metric, k=3, query_ids=np.arange(40), gallery_ids=ids,
                   gallery_block=block, threads=1)

small = Vectors.from_array(queries.rows(0, 40))
search(small, np.arange(40))  # libraries take what they need for themselves
data = next(line for line in open("/proc/self/status") if line.startswith("VmData"))
limit = int(data.split()[1]) * 1024 + allowed
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
print(search(gallery, order).indices[:, 0].min())
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(1)
    for start in range(0, COUNT, 4_000):
        keys = [key_for_item(str(number)) for number in range(start, start + 4_000)]
        TapStore(folder).write(keys, rng.standard_normal((4_000, DIM), dtype=np.float32))
    return folder


def search(path: Path, metric: Metric, block: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SEARCH, str(path), metric, str(block), str(32 * MIB), str(COUNT)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts data without mapped files")


@pytest.mark.parametrize("metric", METRICS)
def test_a_gallery_of_94_mib_is_searched_in_32(path: Path, metric: Metric) -> None:
    done = search(path, metric, 1_000)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 0


def test_the_limit_would_stop_a_search_that_reads_everything(path: Path) -> None:
    assert "MemoryError" in search(path, "l2", COUNT).stderr
