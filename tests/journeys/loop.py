"""The whole loop on real photographs with real processes: `make loop`, or `python -m tests.journeys.loop TASTE`.

A crowd whose taste is known votes over HTTP on what two networks put first; `retrain` learns; the child meets its
parents in the next round on queries nobody was asked before; fresh voters vote; the board decides. Then the true
approval of everyone's first choices is looked up in the taste itself.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalapp.catalog.domain.exposure_names import public_id_of
from models_registry.embed import Picture, embed
from models_registry.encoders.descriptions.colour_histogram import BLOCKS
from models_registry.encoders.encoder_base import Encoder
from models_registry.registry import describe, load
from tests.conftest import REPOSITORY
from tests.journeys.installation import Installation, Visitor

NETWORKS = {"mv2": "mobilenet_v2_100_224", "mv1": "mobilenet_v1_050_160"}
ALIKE = 0.6
"""Colour histograms with a cosine above this are alike: 6 in 100 random pairs."""
GAINS = {"outfit": (0.75, 0.65), "colour": (0.8, 0.8)}
"""The least gain on all fresh queries, and on those whose own votes and category nothing was learnt from."""
DOCUMENT = REPOSITORY / "docs" / "loop.md"
KEPT = REPOSITORY / "build" / "loop"
"""What was found last, a file for each taste and number of votes: the table in the document is made of these."""
_WORDS = {"outfit": "same category and alike in colours", "colour": "alike in colours", "coin": "coins"}
_SECRET = "secret"
"""Where the installation's secret stands among the names of its pictures."""
_NAMES = (
    "import json; from evalapp.catalog.models import Item;"
    " print(json.dumps(dict(Item.objects.values_list('picture__public_id', 'key'))))"
)
_FIRST = (
    "import json; from evalapp.studies.models import Nomination;"
    " rows = Nomination.objects.filter(contender__study__slug='{study}', rank=1);"
    " print(json.dumps(list(rows.values_list('contender__name', 'pair__query__item__key',"
    " 'pair__candidate__key'))))"
)


_HELD = (
    "import json; from evalapp.studies.models import Study; from evalapp.training.queries.rounds import salt_of;"
    " from models_registry.evaluate.leak_free_splits import split_of;"
    " study = Study.objects.get(slug='{study}'); rows = study.catalogue.items.values_list('key', 'picture__sha256');"
    " print(json.dumps([key for key, sha256 in rows if split_of(sha256, salt=salt_of(study)) == 'test']))"
)
"""Items of the test part, whose votes and categories nothing was learnt from; these have no products."""


@dataclass(frozen=True)
class Taste:
    """The probability that people like a pair [n, n] by the items' places, and how people differ.

    Leniency shifts log-odds with deviation 0.6, one answer in twenty is a slip, one voter in ten tosses coins.
    """

    likes: NDArray[np.float64]
    place: dict[str, int]
    leniency: float = 0.6
    slips: float = 0.05
    spam: float = 0.1

    def says(self, query: str, candidate: str, lean: float, noise: float, rng: np.random.Generator) -> str:
        """One person's answer."""
        chance = self.likes[self.place[query], self.place[candidate]]
        chance = 1 / (1 + np.exp(-np.log(chance / (1 - chance)) - lean))
        return "dope" if rng.random() < (0.5 if rng.random() < noise else chance) else "nope"


def taste_of(photographs: Path, kind: str) -> Taste:
    """`outfit`: the same category and alike colours; `colour`: alike colours, whatever it is; `coin`."""
    with (photographs / "items.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    encoder = load(describe("colour-histogram"))
    assert isinstance(encoder, Encoder)
    pictures = [Picture(row["image"], photographs / row["image"]) for row in rows]
    start, stop = BLOCKS["colours"]
    seen = np.concatenate(
        [batch.vectors["embedding"][:, start:stop] for batch in embed(encoder, pictures, taps=["embedding"])]
    )
    seen = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    alike = seen @ seen.T > ALIKE
    category = np.array([row["category"] for row in rows])
    same = category[:, None] == category[None]
    likes = {
        "outfit": np.where(same & alike, 0.9, np.where(same, 0.35, 0.05)),
        "colour": np.where(alike, 0.85, 0.15),
        "coin": np.full(alike.shape, 0.5),
    }[kind]
    return Taste(likes, {row["image"]: number for number, row in enumerate(rows)})


def _vote(address: str, study: str, taste: Taste, names: dict[str, str], votes: int, seed: int) -> int:
    """Voters of fifty answers each, ten at a time by turns: nobody is faster than people can be."""
    rng = np.random.default_rng(seed)
    people = [
        (Visitor(address), rng.normal(0, taste.leniency), 1.0 if rng.random() < taste.spam else taste.slips)
        for _ in range(votes // 50)
    ]
    recorded = 0
    for _ in range(5):
        # A round that opened by itself is closed by itself as soon as its board has decided: then there is no deck.
        decks = [
            visitor.post(f"/api/v1/studies/{study}/deck/", {"n": 10}).get("exposures", []) for visitor, _, _ in people
        ]
        # Who answers more than five in a second is taken for a program, and rightly.
        time.sleep(4.0)
        recorded += sum(
            _answer_ten(person, deck, taste, names, rng) for person, deck in zip(people, decks, strict=True)
        )
    return recorded


def _answer_ten(
    person: tuple[Visitor, float, float],
    deck: list[dict[str, Any]],
    taste: Taste,
    names: dict[str, str],
    rng: np.random.Generator,
) -> int:
    """One deck of ten, answered; how many of the votes were recorded."""
    visitor, lean, noise = person
    sent = [
        {"token": one["token"], "verdict": taste.says(*_pair(one, names), lean, noise, rng), "response_ms": 900}
        for one in deck
    ]
    results = visitor.post("/api/v1/votes/", {"votes": sent})["results"] if sent else []
    return sum(result["status"] == "recorded" for result in results)


def _pair(shown: dict[str, Any], names: dict[str, str]) -> Iterator[str]:
    """The keys of what was shown; a picture made for a known answer shows the query itself."""
    query = names[_public(shown["query"]["image"], names[_SECRET])]
    yield query
    yield names.get(_public(shown["candidate"]["image"], names[_SECRET]), query)


def _public(address: str, secret: str) -> str:
    """Addresses differ each time a picture is shown; the installation's secret leads from them to the picture."""
    return public_id_of(address.rpartition("/")[2].partition(".")[0], secret)


def go_round(kind: str, shared: Path, folder: Path, votes: int = 5000, queries: int = 1500) -> dict[str, Any]:
    """One turn of the loop for a taste; what was found, with the seconds it took."""
    begun = time.monotonic()
    photographs, models = shared / "data/clothing", shared / "models"
    taste = taste_of(photographs, kind)
    there = Installation(folder / "var")
    there.run("migrate", "--verbosity", "0")
    there.json("import_catalogue", "clothing", str(photographs / "items.csv"), "--map", "path=image")
    for name, file in NETWORKS.items():
        there.run(
            "register_model", f"onnx:{models / file}.onnx", "--name", name, "--tap", "embedding",
            "--resize", "squash", "--interpolation", "bilinear", "--mean", "0.5", "--std", "0.5",
        )  # fmt: skip
    there.run("register_model", "colour-histogram", "--name", "colours")
    contenders = [word for name in NETWORKS for word in ("--contender", f"{name}:cosine")]
    there.run(
        "create_study", "clothes", "--catalogue", "clothing", *contenders, "--queries", str(queries), "--seed", "4"
    )
    there.run("precompute", "clothes", "--wait")
    there.run("open_study", "clothes")
    names = json.loads(there.run("shell", "--no-imports", "-c", _NAMES).stdout)
    names[_SECRET] = (there.var / "secret-key").read_text(encoding="ascii")
    with there.serving() as address:
        cast = _vote(address, "clothes", taste, names, votes, seed=1)
        learnt = there.json("retrain", "clothes", "--recipe", "adapter", "--name", "child", "--open", "--wait")
        following = learnt["round"]["study"]
        cast += _vote(address, following, taste, names, votes, seed=2)
        board = there.json("leaderboard", following)
    first = json.loads(there.run("shell", "--no-imports", "-c", _FIRST.format(study=following)).stdout)
    held = set(json.loads(there.run("shell", "--no-imports", "-c", _HELD.format(study=following)).stdout))
    unseen = [line for line in first if line[1] in held]
    return {
        "taste": kind,
        "asked": votes,
        "approval": _approvals(first, taste),
        "oracle": _oracle(first, taste),
        "unseen": {"approval": _approvals(unseen, taste), "oracle": _oracle(unseen, taste)},
        "both": learnt["metrics"]["both"],
        "decision": board["decision"],
        "cast": cast,
        "votes": board["votes"],
        "chosen": learnt["metrics"]["chosen"],
        "blocks": learnt["metrics"]["blocks"],
        "splits": learnt["metrics"]["splits"],
        "vote_auc": {line["name"]: line["vote_auc"] for line in learnt["metrics"]["lines"]},
        "guard": learnt["metrics"].get("guard"),
        "seconds": round(time.monotonic() - begun),
    }


def _approvals(first: list[list[str]], taste: Taste) -> dict[str, float]:
    """True approval of every contender on the round's queries, none of which was asked before."""
    by_name: dict[str, list[float]] = {}
    for name, query, candidate in first:
        by_name.setdefault(name, []).append(float(taste.likes[taste.place[query], taste.place[candidate]]))
    return {name: float(np.mean(values)) for name, values in by_name.items()}


def _oracle(first: list[list[str]], taste: Taste) -> float:
    """What answering every query with what people like best would reach."""
    rows = [taste.place[query] for query in {query for _, query, _ in first}]
    likes = taste.likes.copy()
    np.fill_diagonal(likes, 0)
    return float(likes[rows].max(axis=1).mean())


def _gain(approval: dict[str, float], oracle: float) -> tuple[float, float, float]:
    """How far the child went from the best parent to the oracle; its approval, and the best parent's."""
    child = approval["child:cosine"]
    parent = max(value for name, value in approval.items() if name not in ("control", "child:cosine"))
    return ((child - parent) / (oracle - parent) if oracle > parent else 0.0), child, parent


def judge(found: dict[str, Any]) -> list[str]:
    """What does not hold of what is promised."""
    gain, child, parent = _gain(found["approval"], found["oracle"])
    unseen, _, _ = _gain(**found["unseen"])
    found["gain"], found["gain_unseen"] = round(gain, 3), round(unseen, 3)
    if found["taste"] == "coin":
        return ["coins promoted a contender"] if found["decision"]["winner"] else []
    broken = []
    # Few votes are of few voters here, and a board of too few says nothing.
    if found["decision"]["winner"] != "child:cosine" and found["decision"]["reason"] != "too_few_voters":
        broken.append(f"the board says {found['decision']}")
    if child < parent + 0.05:
        broken.append(f"the child's approval is {child:.3f}, the best parent's {parent:.3f}")
    wanted = GAINS[found["taste"]]
    if gain < wanted[0] or unseen < wanted[1]:
        broken.append(f"the child went {gain:.2f} and {unseen:.2f} of the way to the oracle, not {wanted}")
    if found["seconds"] > 900:
        broken.append(f"it took {found['seconds']} seconds, not 900")
    return broken


def keep(found: dict[str, Any]) -> None:
    """For the table."""
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{found['taste']}-{found['asked']}.json").write_text(json.dumps(found), encoding="utf-8")


def table() -> str:
    """Markdown, a line for each of what was found, the most votes first."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in KEPT.glob("*.json")]
    rows.sort(key=lambda row: (-row["asked"], list(_WORDS).index(row["taste"])))
    names = ("taste", "votes of a round", "best parent", "child", "oracle", "gain", "gain, as from outside", "decided")
    lines = [" | ".join(["", *names, "seconds", ""]).strip(), "|---" * (len(names) + 1) + "|"]
    for row in rows:
        _, child, parent = _gain(row["approval"], row["oracle"])
        decided = f"at {row['decision']['votes']:,}" if row["decision"]["winner"] else f"not in {row['votes']:,}"
        gains = ("–", "–") if row["taste"] == "coin" else (f"{row['gain']:.2f}", f"{row['gain_unseen']:.2f}")
        cells = (_WORDS[row["taste"]], f"{row['asked']:,}", f"{parent:.3f}", f"{child:.3f}", f"{row['oracle']:.3f}")
        lines.append(f"| {' | '.join([*cells, *gains, decided, str(row['seconds'])])} |")
    return "\n".join(lines) + "\n"


def write_table() -> None:
    """Between the marks of the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = "<!-- loop -->\n", "<!-- end of loop -->"
    before, _, rest = text.partition(begin)
    DOCUMENT.write_text(f"{before}{begin}{table()}{end}{rest.partition(end)[2]}", encoding="utf-8")


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("tastes", nargs="*", default=["outfit", "colour", "coin"])
    words.add_argument("--votes", type=int, default=5000)
    words.add_argument("--write", action="store_true", help="the table into docs/loop.md")
    told = words.parse_args()
    shared = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
    bad = []
    for kind in told.tastes:
        with tempfile.TemporaryDirectory() as folder:
            found = go_round(kind, shared, Path(folder), told.votes)
        broken = judge(found)
        keep(found)
        print(json.dumps(found, indent=1), flush=True)
        bad += [f"{kind}: {line}" for line in broken]
    if told.write:
        write_table()
    print("\n".join(bad) or "All of it holds.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
