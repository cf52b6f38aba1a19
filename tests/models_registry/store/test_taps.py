"""The store: what goes in comes out, from any process, and a killed writer leaves nothing half done."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models_registry.metrics import sign_bits
from models_registry.store import MissingVectors, TapStore, Vectors, VectorStore, key_for_item

REPOSITORY = Path(__file__).resolve().parents[3]
FINGERPRINT = hashlib.sha256(b"an encoder").hexdigest()


def keys_for(*names: object) -> list[bytes]:
    return [key_for_item(str(name)) for name in names]


def vectors_for(*seeds: int, dim: int = 5) -> np.ndarray:
    return np.array([np.random.default_rng(seed).standard_normal(dim) for seed in seeds], dtype=np.float32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


@pytest.fixture
def store(root: Path) -> TapStore:
    return VectorStore(root).tap_store(FINGERPRINT, "fc6")


def again(store: TapStore) -> TapStore:
    """The same folder, opened by somebody else."""
    return TapStore(store.path)


def only_shard(store: TapStore) -> Path:
    (shard,) = store.path.iterdir()
    return shard


def child(program: str, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, args)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_vectors_come_back_in_the_order_asked_for(store: TapStore) -> None:
    store.write(keys_for(0, 1, 2), vectors_for(0, 1, 2))
    store.write(keys_for(3, 4), vectors_for(3, 4))
    read = again(store).reader(keys_for(4, 1, 0, 3, 1))
    np.testing.assert_array_equal(read.rows(0, 5), vectors_for(4, 1, 0, 3, 1))
    assert (store.count, store.dim, len(read), read.dim) == (5, 5, 5, 5)


def test_what_is_missing_is_told_once_and_in_order(store: TapStore) -> None:
    store.write(keys_for(1), vectors_for(1))
    assert store.missing(keys_for(3, 1, 2, 3, 2)) == keys_for(3, 2)
    with pytest.raises(MissingVectors, match="2 vectors are not computed yet") as missing:
        store.reader(keys_for(1, 2, 3))
    assert missing.value.keys == keys_for(2, 3)


def test_an_empty_store_is_no_error(store: TapStore) -> None:
    assert (store.count, store.dim, store.broken, store.verify()) == (0, None, [], [])
    assert store.missing(keys_for(1)) == keys_for(1)
    assert len(store.reader([])) == 0
    store.write([], np.zeros((0, 5)))
    assert store.count == 0


def test_the_first_vector_of_a_key_counts(store: TapStore) -> None:
    store.write(keys_for("a", "b", "a"), vectors_for(1, 2, 3))
    store.write(keys_for("b", "c"), vectors_for(4, 5))
    store.write(keys_for("c"), vectors_for(6))
    np.testing.assert_array_equal(store.reader(keys_for("a", "b", "c")).rows(0, 3), vectors_for(1, 2, 5))
    assert len(list(store.path.iterdir())) == 2


def test_bits_are_packed_from_the_float32_values(store: TapStore) -> None:
    vectors = np.array([[1e-9, -1, 0, 3, 0, 0, 0, 0, 1], [0] * 9], dtype=np.float32)
    store.write(keys_for(1, 2), vectors)
    np.testing.assert_array_equal(again(store).reader(keys_for(1, 2)).bits(0, 2), np.packbits(vectors > 0, axis=1))


def test_bits_are_one_code_before_and_behind_a_relu(root: Path) -> None:
    before = vectors_for(*range(20), dim=100)
    for tap, vectors in (("pre", before), ("post", np.maximum(before, 0))):
        VectorStore(root).tap_store(FINGERPRINT, tap).write(keys_for(*range(20)), vectors)
    pre, post = (VectorStore(root).tap_store(FINGERPRINT, tap).reader(keys_for(*range(20))) for tap in ("pre", "post"))
    np.testing.assert_array_equal(pre.bits(0, 20), post.bits(0, 20))


def test_vectors_are_mapped_and_not_read(store: TapStore) -> None:
    store.write(keys_for(*range(10)), vectors_for(*range(10)))
    rows = again(store).reader(keys_for(*range(10))).rows(2, 8)
    assert not rows.flags.owndata
    assert not rows.flags.writeable


def test_another_encoder_starts_with_nothing(root: Path, store: TapStore) -> None:
    store.write(keys_for(1), vectors_for(1))
    other = VectorStore(root).tap_store(hashlib.sha256(b"the same with another mean").hexdigest(), "fc6")
    assert other.missing(keys_for(1)) == keys_for(1)
    assert VectorStore(root).tap_store(FINGERPRINT, "fc7").missing(keys_for(1)) == keys_for(1)


@pytest.mark.parametrize("fingerprint", ["", "..", "abc", FINGERPRINT.upper(), f"{FINGERPRINT}/..", f"{FINGERPRINT}\n"])
def test_a_fingerprint_cannot_lead_elsewhere(root: Path, fingerprint: str) -> None:
    with pytest.raises(ValueError, match="fingerprint is 64"):
        VectorStore(root).tap_store(fingerprint, "fc6")


@pytest.mark.parametrize("tap", ["", ".", "..", "../fc6", "a/b", "a\x00", "a\n", ".hidden", "x" * 101])
def test_a_tap_cannot_lead_elsewhere(root: Path, tap: str) -> None:
    with pytest.raises(ValueError, match="A tap is named"):
        VectorStore(root).tap_store(FINGERPRINT, tap)


def test_what_does_not_fit_is_refused(store: TapStore) -> None:
    store.write(keys_for(1), vectors_for(1))
    with pytest.raises(ValueError, match="have 5 components, not 6"):
        store.write(keys_for(2), vectors_for(2, dim=6))
    with pytest.raises(ValueError, match="2 keys do not fit 1 vectors"):
        store.write(keys_for(2, 3), vectors_for(2))
    with pytest.raises(ValueError, match="32 bytes"):
        store.write([b"short"], vectors_for(2))
    with pytest.raises(ValueError, match="NaN"):
        store.write(keys_for(2), np.full((1, 5), np.nan))
    assert store.count == 1


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("file", ["vectors.npy", "bits.npy", "keys.bin", "shard.json"])
@pytest.mark.parametrize("harm", [cut, remove])
def test_a_torn_shard_is_told_and_its_keys_are_missing(
    store: TapStore, file: str, harm: Callable[[Path], None]
) -> None:
    store.write(keys_for(1, 2), vectors_for(1, 2))
    torn = only_shard(store)
    harm(torn / file)
    store.write(keys_for(3), vectors_for(3))
    other = again(store)
    assert [broken.path for broken in other.broken] == [torn]
    assert other.missing(keys_for(1, 2, 3)) == keys_for(1, 2)
    assert [broken.path for broken in other.verify()] == [torn]
    other.write(keys_for(1, 2), vectors_for(1, 2))
    np.testing.assert_array_equal(again(store).reader(keys_for(1, 2, 3)).rows(0, 3), vectors_for(1, 2, 3))


def test_a_flipped_bit_is_found_by_verifying(store: TapStore) -> None:
    store.write(keys_for(1, 2), vectors_for(1, 2))
    assert store.verify() == []
    file = only_shard(store) / "vectors.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    (broken,) = store.verify()
    assert "vectors.npy is not what was written" in broken.reason


def test_a_shard_of_another_length_or_version_is_not_used(root: Path, store: TapStore) -> None:
    store.write(keys_for(1), vectors_for(1))
    other = VectorStore(root).tap_store(FINGERPRINT, "other")
    other.write(keys_for(2), vectors_for(2, dim=7))
    shutil.copytree(only_shard(other), store.path / "zz-longer")
    shutil.copytree(only_shard(other), store.path / "zz-newer")
    facts = store.path / "zz-newer" / "shard.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"version": 99}))
    reasons = [broken.reason for broken in again(store).broken]
    assert reasons == [
        "its vectors have 7 components, the others 5",
        "it has version 99, this program reads version 1",
    ]


HANGING_WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from models_registry.store import TapStore, key_for_item, shards
at, path = sys.argv[1:]
def hang(*args):
    print("in the middle", flush=True)
    time.sleep(600)
if at == "writing":
    shards._file_sha256 = hang
elif at == "syncing":
    shards._sync_to_disk = hang
else:
    Path.rename = hang
TapStore(Path(path)).write([key_for_item("1")], np.ones((1, 5)))
"""


@pytest.mark.parametrize("at", ["writing", "syncing", "naming"])
def test_a_writer_killed_in_the_middle_leaves_no_shard(store: TapStore, at: str) -> None:
    writer = child(HANGING_WRITER, at, store.path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "in the middle\n"
    (unfinished,) = store.path.iterdir()
    assert (store.count, store.broken, store.verify()) == (0, [], [])

    hour_ago = time.time() - 3600
    os.utime(unfinished, (hour_ago, hour_ago))
    store.write(keys_for(2), vectors_for(2))
    assert unfinished.exists(), "its writer still lives"

    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    store.write(keys_for(1), vectors_for(1))
    assert not unfinished.exists(), "nobody will ever finish it"
    np.testing.assert_array_equal(again(store).reader(keys_for(1, 2)).rows(0, 2), vectors_for(1, 2))


BUSY_WRITER = """
import sys
from pathlib import Path
import numpy as np
from models_registry.store import TapStore, key_for_item
path, own, count = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
store = TapStore(path)
print("ready", flush=True)
for start in range(0, count, 5):
    keys = [key_for_item(str(number)) for number in range(start, start + 8)]
    store.write(keys, np.full((8, 64), own) + np.arange(start, start + 8)[:, None])
"""


def test_a_writer_killed_at_any_moment_leaves_whole_shards_only(store: TapStore) -> None:
    for moment in (0.0, 0.01, 0.03, 0.07):
        writer = child(BUSY_WRITER, store.path, 0.5, 100_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(moment)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert (again(store).broken, again(store).verify()) == ([], [])
    there = [number for number in range(2000) if not store.missing(keys_for(number))]
    assert there
    read = store.reader(keys_for(*there)).rows(0, len(there))
    np.testing.assert_array_equal(read, np.repeat(np.array(there, dtype=np.float32)[:, None] + 0.5, 64, axis=1))


def test_two_processes_write_the_same_keys_at_once(store: TapStore) -> None:
    writers = [child(BUSY_WRITER, store.path, own, 100) for own in (0.25, 0.75)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    keys = keys_for(*range(103))
    first, second = again(store).reader(keys).rows(0, 103), again(store).reader(keys).rows(0, 103)
    np.testing.assert_array_equal(first, second)
    assert set(np.unique(first - np.arange(103)[:, None])) <= {0.25, 0.75}
    assert store.verify() == []


def test_a_reader_sees_what_another_process_adds(store: TapStore) -> None:
    assert store.count == 0
    again(store).write(keys_for(1), vectors_for(1))
    assert store.missing(keys_for(1, 2)) == keys_for(2)


def resident_kib(part: np.ndarray) -> int:
    """How much of the file behind this array counts as this process's memory (Linux)."""
    text = Path("/proc/self/smaps").read_text()
    address = part.__array_interface__["data"][0]
    for line in text.splitlines():
        fields = line.split()
        if "-" in fields[0] and not fields[0].endswith(":"):
            low, high = (int(end, 16) for end in fields[0].split("-"))
            here = low <= address < high
        elif here and fields[0] == "Rss:":
            return int(fields[1])
    raise AssertionError("the array is not mapped")


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's /proc/self/smaps")
def test_released_pages_are_no_longer_held_and_read_again_as_before(store: TapStore) -> None:
    vectors = vectors_for(*range(64), dim=4096)
    store.write(keys_for(*range(64)), vectors)
    read = again(store).reader(keys_for(*range(64)))
    np.testing.assert_array_equal(read.rows(0, 64), vectors)
    assert resident_kib(read.parts[0]) >= 1024
    read.release()
    assert resident_kib(read.parts[0]) == 0
    np.testing.assert_array_equal(read.rows(0, 64), vectors)


def test_vectors_in_memory_have_nothing_to_release() -> None:
    vectors = Vectors.from_array(vectors_for(1, 2))
    vectors.release()
    np.testing.assert_array_equal(vectors.rows(0, 2), vectors_for(1, 2))


def test_half_precision_takes_half_the_space_and_keeps_the_bits_of_what_was_written(tmp_path: Path) -> None:
    rows = np.array([[0.1, -2.0, 1e-9], [3.0, 0.0, 5.5]], dtype=np.float32)
    keys = [key_for_item("a"), key_for_item("b")]
    tap = TapStore(tmp_path)
    tap.write(keys, rows, half=True)

    found = TapStore(tmp_path).reader(keys)

    assert TapStore(tmp_path).dtypes == ["float16"]
    assert found.rows(0, 2).dtype == found.take(np.array([1, 0])).dtype == np.float32
    np.testing.assert_allclose(found.rows(0, 2), rows, rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(found.bits(0, 2), np.packbits(rows > 0, axis=1))
    assert tap.verify() == []


def test_what_is_above_0_stays_above_0_in_half_precision(tmp_path: Path) -> None:
    """Else the bits that were taken before and those of what is read back would be two codes."""
    store = VectorStore(tmp_path).tap_store("a" * 64, "fc6")
    rows = np.array([[1e-9, -1e-9, 0.0, 1.0], [3e-8, 1e-30, -1.0, 2.0]], dtype=np.float32)
    store.write(keys_for(1, 2), rows, half=True)
    read = store.reader(keys_for(1, 2))
    np.testing.assert_array_equal(sign_bits(read.rows(0, 2)), read.bits(0, 2))


def test_vectors_beyond_half_precision_are_kept_whole_beside_others(tmp_path: Path) -> None:
    tap = TapStore(tmp_path)
    tap.write([key_for_item("a")], [[1.0, 2.0]], half=True)
    tap.write([key_for_item("b")], [[1e6, 2.0]], half=True)
    assert tap.dtypes == ["float16", "float32"]
    np.testing.assert_array_equal(tap.reader([key_for_item("a"), key_for_item("b")]).rows(0, 2), [[1, 2], [1e6, 2]])


def test_shards_that_nobody_needs_are_deleted_whole(tmp_path: Path) -> None:
    tap = TapStore(tmp_path)
    for name in "abc":
        tap.write([key_for_item(name), key_for_item(name * 2)], [[1.0], [2.0]])
    held = tap.reader([key_for_item("a")])
    assert len(tap.remove_unneeded({key_for_item("bb")})) == 2
    assert TapStore(tmp_path).missing([key_for_item(name) for name in "abc"]) == [key_for_item("a"), key_for_item("c")]
    assert held.rows(0, 1).tolist() == [[1.0]]


def test_who_has_it_open_sees_what_another_deletes(store: TapStore) -> None:
    store.write(keys_for(1), vectors_for(1))
    store.write(keys_for(2), vectors_for(2))
    assert again(store).remove_unneeded(set(keys_for(2)))
    assert store.missing(keys_for(1, 2)) == keys_for(1)
    np.testing.assert_array_equal(store.reader(keys_for(2)).rows(0, 1), vectors_for(2))


OPEN_MANY = """
import resource, sys
from pathlib import Path
from models_registry.store import TapStore

resource.setrlimit(resource.RLIMIT_NOFILE, (20, int(sys.argv[2])))
store = TapStore(Path(sys.argv[1]))
print(store.count, len(store.broken))
"""


def test_more_shards_than_a_process_usually_has_files(store: TapStore) -> None:
    for number in range(12):
        store.write(keys_for(number), vectors_for(number))
    with child(OPEN_MANY, store.path, 256) as reader:
        assert reader.communicate()[0].split() == ["12", "0"]
    with child(OPEN_MANY, store.path, 20) as reader:
        # Whole shards must not pass for broken: their vectors would be computed again.
        assert "Too many open files" in reader.communicate()[1]
