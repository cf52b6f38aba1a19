"""Photo to JSON over real HTTP and real processes, over the bare floor; overload, votes beside it, and what comes in.

The floor is one process that decodes, resizes, makes the forward pass, and asks faiss's flat index: one thread, the
same photographs, one call of each in turns. The processes are those of `serve`, as they start with nothing set; the
clients are one process of asyncio on the same cores.

- *Four clients* ask without a pause; the slowest of a hundred over the floor's median.
- *Overload*: four times as many photographs a second arrive as four clients got answered; how many are answered by
  vectors in time, over what the four got. What is refused gets the attributes' answer.
- *Votes*: voters who swipe, alone and beside the overload.
- *Inserted*: from the upload's answer until a photograph of the thing finds it, over a forward pass and a tail period.

Run: python tests/benchmarks/bench_search.py [--quick] [--keep]
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.benchmarks.harness import Row, at_least, at_most, beside, keep, print_table  # noqa: E402 - the path is set only now
from tests.journeys.installation import Installation  # noqa: E402
from tests.swipers import Lost, Swiper, read_message  # noqa: E402

SHARED = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
NETWORK = SHARED / "models" / "mobilenet_v2_100_224.onnx"
LIMITS = dict.fromkeys(
    ("ADDRESS_SEARCHES_PER_MINUTE", "VOTER_PAIRS_PER_MINUTE", "ADDRESS_PAIRS_PER_MINUTE", "ADDRESS_VOTERS_PER_MINUTE"),
    "1000000",
)
CLIENTS, TAIL_SECONDS, DEADLINE = 4, 0.5, 2.0
OPEN = """
from django.contrib.auth.models import User
from evalapp.studies.models import Study
User.objects.create_superuser("olga", password="a long secret")
Study.objects.update(state="open", opened_at="2026-01-01T00:00Z")
"""


class Floor:
    """What a photo costs where there is nothing but it, the network and the vectors."""

    def __init__(self, files: Sequence[Path]) -> None:
        import faiss
        import onnxruntime

        faiss.omp_set_num_threads(1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(NETWORK), options, providers=["CPUExecutionProvider"])
        vectors = np.concatenate([self._vector(file.read_bytes()) for file in files])
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(self._unit(vectors))

    def answer(self, data: bytes) -> None:
        self._index.search(self._unit(self._vector(data)), 24)

    def _vector(self, data: bytes) -> np.ndarray:
        image = Image.open(io.BytesIO(data)).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
        batch = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        found: np.ndarray = self._session.run(["embedding"], {"pixel_values": batch})[0]
        return found

    @staticmethod
    def _unit(vectors: np.ndarray) -> np.ndarray:
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@dataclass(slots=True)
class Shopper:
    """One client with a kept connection."""

    port: int
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, repr=False)

    async def photo(self, data: bytes) -> dict[str, Any] | None:
        """The answer; None where there is none."""
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="photo"; filename="x.jpg"\r\n\r\n'.encode()
        body = head + data + f"\r\n--{mark}--\r\n".encode()
        try:
            return await asyncio.wait_for(self._exchange(body, f"multipart/form-data; boundary={mark}"), 20)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _exchange(self, body: bytes, kind: str) -> dict[str, Any] | None:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        head = f"POST /api/v1/search/clothes/photo/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, headers, answer = await read_message(reader)
        if "close" in headers.get("connection", []):
            self.close()
        return json.loads(answer) if int(status.split()[1]) == 200 else None


@dataclass(frozen=True, slots=True)
class Answered:
    """Seconds that answers by vectors took, how many others there were, and the seconds of the whole."""

    times: Sequence[float]
    others: int
    seconds: float

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 photographs, shorter runs")
    parser.add_argument("--keep", action="store_true", help="for the table in the documentation")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = _measured(Path(folder), 200 if asked.quick else 1_000, 3.0 if asked.quick else 10.0)
    title = f"Photo to JSON, MobileNet v2, {os.cpu_count()} cores with the clients on them"
    print_table(title, rows)
    if asked.keep:
        keep("search-http", title, rows)


def _measured(folder: Path, count: int, seconds: float) -> list[Row]:
    photographs = _photographs(folder, count)
    served, later = photographs[:count], photographs[count:]
    installation = _installed(folder)
    floor = Floor(served)
    photos = [_taken_again(file) for file in served[:: max(1, count // 100)]]
    with installation.serving() as address:
        port = int(address.rpartition(":")[2])
        asyncio.run(_warm(port, photos[0]))
        bare, single = asyncio.run(_in_turns(floor, port, photos))
        four = asyncio.run(_closed(port, photos, CLIENTS, seconds))
        alone = asyncio.run(_votes(port, seconds))
        over, beside_it = asyncio.run(_overloaded(port, photos, 4 * four.rate, seconds))
        found = [_inserted(installation, port, file) for file in later]
    usual = 1000 * statistics.median(bare)
    one, several = _milliseconds(single), _milliseconds(four.times)
    calm, pressed = _milliseconds(alone), _milliseconds(beside_it)
    on_time = sum(took <= DEADLINE for took in over.times) / over.seconds
    asked = (len(over.times) + over.others) / over.seconds
    return [
        at_most("photo to JSON, median over the floor", one[0], usual, "ms", 2.0),
        beside(f"{CLIENTS} clients, median", several[0], usual, "ms"),
        at_most(f"{CLIENTS} clients, slowest of a hundred", several[1], usual, "ms", 4.0),
        at_least("4 times overload: answered by vectors in time", on_time, four.rate, "photos/s", 0.8),
        beside("4 times overload: told otherwise, of all", over.others / over.seconds, asked, "photos/s"),
        at_most("votes beside the overload, median", pressed[0], calm[0], "ms", 1.3),
        beside("votes beside it, slowest of a hundred", pressed[1], calm[1], "ms"),
        at_most("an inserted picture is found", statistics.median(found), usual / 1000 + TAIL_SECONDS, "s", 3.0),
    ]


def _milliseconds(times: Sequence[float]) -> tuple[float, float]:
    """The median and the slowest of a hundred."""
    return 1000 * statistics.median(times), 1000 * float(np.quantile(times, 0.99))


def _photographs(folder: Path, count: int) -> list[Path]:
    """The photographs to be searched and twenty that come later, with a table of the first."""
    clothing = SHARED / "data" / "clothing"
    with (clothing / "items.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    rows = rows[:: len(rows) // (count + 20)][: count + 20]
    for row in rows:
        target = folder / row["image"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clothing / row["image"], target)
    with (folder / "items.csv").open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, ["image", "category", "kids"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows[:count])
    return [folder / row["image"] for row in rows]


def _installed(folder: Path) -> Installation:
    installation = Installation(folder / "var", dict(LIMITS))
    installation.run("migrate", "--verbosity", "0")
    installation.run("import_catalogue", "clothing", str(folder / "items.csv"), "--map", "path=image")
    installation.run(
        "register_model", f"onnx:{NETWORK}", "--name", "mv2", "--tap", "embedding", "--resize", "squash",
        "--interpolation", "bilinear", "--mean", "0.5", "--std", "0.5",
    )  # fmt: skip
    installation.run("create_index", "clothes", "--catalogue", "clothing", "--encoder", "mv2", "--public")
    installation.run("build_index", "clothes", "--wait")
    contenders = ("--contender", "mv2:cosine", "--contender", "mv2:l1")
    installation.run("create_study", "looks", "--catalogue", "clothing", *contenders, "--queries", "100")
    installation.run("precompute", "looks", "--wait")
    installation.run("shell", "-v", "0", "-c", OPEN)
    return installation


def _taken_again(file: Path) -> bytes:
    image = Image.open(file).convert("RGB")
    across, down = image.width // 20, image.height // 20
    out = io.BytesIO()
    image.crop((across, down, image.width - across, image.height - down)).save(out, "JPEG", quality=85)
    return out.getvalue()


async def _warm(port: int, photo: bytes) -> None:
    shopper, deadline = Shopper(port), time.monotonic() + 60
    while True:
        answer = await shopper.photo(photo)
        if answer is not None and answer["by"] == "vectors":
            break
        if time.monotonic() > deadline:
            raise SystemExit("the search process does not answer")
        await asyncio.sleep(0.2)
    shopper.close()


async def _in_turns(floor: Floor, port: int, photos: Sequence[bytes]) -> tuple[list[float], list[float]]:
    shopper = Shopper(port)
    bare, ours = [], []
    for photo in photos:
        begun = time.perf_counter()
        floor.answer(photo)
        bare.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        answer = await shopper.photo(photo)
        ours.append(time.perf_counter() - begun)
        if answer is None or answer["by"] != "vectors":
            raise SystemExit("a photo was not answered by vectors")
    shopper.close()
    return bare, ours


async def _closed(port: int, photos: Sequence[bytes], clients: int, seconds: float) -> Answered:
    """Clients who ask again as soon as they are answered."""
    end, times, others = time.perf_counter() + seconds, [], 0

    async def client(number: int) -> None:
        nonlocal others
        shopper, turn = Shopper(port), number
        while (begun := time.perf_counter()) < end:
            answer = await shopper.photo(photos[turn % len(photos)])
            turn += clients
            if answer is not None and answer["by"] == "vectors":
                times.append(time.perf_counter() - begun)
            else:
                others += 1
        shopper.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return Answered(times, others, seconds)


async def _overloaded(port: int, photos: Sequence[bytes], rate: float, seconds: float) -> tuple[Answered, list[float]]:
    """Photographs that arrive at a rate, whoever is still waiting; and voters beside them."""
    times, others, idle = [], 0, [Shopper(port) for _ in range(256)]

    async def one(photo: bytes) -> None:
        nonlocal others
        shopper = idle.pop() if idle else Shopper(port)
        begun = time.perf_counter()
        answer = await shopper.photo(photo)
        if answer is not None and answer["by"] == "vectors":
            times.append(time.perf_counter() - begun)
        else:
            others += 1
        idle.append(shopper)

    async def arrivals() -> float:
        begun, sent = time.perf_counter(), []
        while (now := time.perf_counter()) < begun + seconds:
            due = int((now - begun) * rate) - len(sent)
            sent += [asyncio.create_task(one(photos[len(sent) % len(photos)])) for _ in range(due)]
            await asyncio.sleep(0.01)
        await asyncio.gather(*sent)
        return time.perf_counter() - begun

    took, votes = await asyncio.gather(arrivals(), _votes(port, seconds))
    for shopper in idle:
        shopper.close()
    return Answered(times, others, took), votes


async def _votes(port: int, seconds: float) -> list[float]:
    """Seconds that votes of five voters take, who look half a second at every pair."""
    end, times = time.perf_counter() + seconds, []

    async def voter(number: int) -> None:
        swiper = Swiper("127.0.0.1", port)
        await asyncio.sleep(0.1 * number)
        while time.perf_counter() < end:
            try:
                _, deck = await swiper.post("/api/v1/studies/looks/deck/", {"n": 10})
                for shown in deck["exposures"]:
                    token = shown["token"]
                    vote = {"token": token, "verdict": "dope", "response_ms": 900, "client_id": token[:32]}
                    begun = time.perf_counter()
                    status, _ = await swiper.post("/api/v1/votes/", {"votes": [vote]})
                    if status == 200:
                        times.append(time.perf_counter() - begun)
                    await asyncio.sleep(0.5)
            except Lost:
                times.append(20.0)
        swiper.close()

    await asyncio.gather(*(voter(number) for number in range(5)))
    return times


def _inserted(installation: Installation, port: int, file: Path) -> float:
    """Seconds from the upload's answer until a photograph of it finds it."""
    import http.client

    token = _token(installation)
    mark = uuid.uuid4().hex
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="key"\r\n\r\n{file.name}\r\n'.encode()]
    parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="picture"; filename="x.jpg"\r\n\r\n'.encode())
    body = b"".join([*parts, file.read_bytes(), f"\r\n--{mark}--\r\n".encode()])
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}", "Authorization": f"Token {token}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/api/v1/catalogues/clothing/items/", body, headers)
    if connection.getresponse().status != 201:
        raise SystemExit("an item could not be inserted")
    return asyncio.run(_until_found(port, _taken_again(file), file.name))


async def _until_found(port: int, photo: bytes, key: str) -> float:
    shopper, begun = Shopper(port), time.perf_counter()
    while time.perf_counter() < begun + 60:
        answer = await shopper.photo(photo)
        if answer is not None and answer["answers"] and answer["answers"][0]["key"] == key:
            shopper.close()
            return time.perf_counter() - begun
        await asyncio.sleep(0.02)
    raise SystemExit(f"{key} was not found within a minute")


_tokens: dict[Path, str] = {}


def _token(installation: Installation) -> str:
    if installation.var not in _tokens:
        _tokens[installation.var] = installation.run("drf_create_token", "olga").stdout.split()[2]
    return _tokens[installation.var]


if __name__ == "__main__":
    main()
