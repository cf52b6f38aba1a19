"""An encoder's family as a picture: from it to its run, its data, and the encoders that it was made from."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.urls import reverse

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import EmbeddingModel
from evalapp.studies.models import Study
from evalapp.training.lineage import rounds_up_to
from evalapp.training.models import TrainingRun

BOX_WIDTH, BOX_HEIGHT = 208, 52
_GAP_X, _GAP_Y, _EDGE = 24, 56, 8
_SHORT = 20
_DEEPEST = 12


@dataclass(slots=True)
class Node:
    """A box: an encoder, a run or what was learnt from; `after` names what was made of it."""

    key: str
    kind: str
    name: str
    told: str = ""
    url: str = ""
    after: str = ""
    x: int = 0
    y: int = 0

    @property
    def short(self) -> str:
        """The name as it fits the box."""
        return self.name if len(self.name) <= _SHORT else f"{self.name[: _SHORT - 1]}…"

    @property
    def text_x(self) -> int:
        return self.x + 12

    @property
    def kind_y(self) -> int:
        return self.y + 20

    @property
    def name_y(self) -> int:
        return self.y + 38


@dataclass(frozen=True, slots=True)
class Edge:
    """From the foot of a box to the head of the one it was made from."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def middle(self) -> int:
        return (self.y1 + self.y2) // 2


@dataclass(slots=True)
class Tree:
    """Nodes, nearest first, and edges, with the size of the picture."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    width: int = 0
    height: int = 0
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT


def family_of(run: TrainingRun) -> Tree:
    """Everything that the run's encoder came from, level by level."""
    nodes: dict[str, Node] = {}
    links: list[tuple[str, str]] = []
    levels: list[list[str]] = []
    _add_run(run, "", 0, nodes, links, levels)
    return _laid_out(nodes, links, levels)


def _add(
    node: Node, child: str, level: int, nodes: dict[str, Node], links: list[tuple[str, str]], levels: list[list[str]]
) -> bool:
    """Put a node below its child; False where it was there already."""
    if child:
        links.append((child, node.key))
        node.after = nodes[child].name
    if node.key in nodes:
        return False
    nodes[node.key] = node
    while len(levels) <= level:
        levels.append([])
    levels[level].append(node.key)
    return True


def _add_run(
    run: TrainingRun,
    child: str,
    level: int,
    nodes: dict[str, Node],
    links: list[tuple[str, str]],
    levels: list[list[str]],
) -> None:
    where = (nodes, links, levels)
    key = f"run/{run.pk}"
    node = Node(key, "run", run.name, run.recipe, reverse("training-run", args=[run.pk]))
    if not _add(node, child, level, *where) or level > _DEEPEST:
        return
    for data in _data_of(run):
        _add(data, key, level + 1, *where)
    _add_encoder(run.parent, key, level + 1, *where)


def _add_encoder(
    model: EmbeddingModel,
    child: str,
    level: int,
    nodes: dict[str, Node],
    links: list[tuple[str, str]],
    levels: list[list[str]],
) -> None:
    where = (nodes, links, levels)
    key = f"encoder/{model.pk}"
    made = TrainingRun.objects.filter(model=model).select_related("parent").first()
    told = str(model.spec["family"])
    if not _add(Node(key, "encoder", model.name, told, reverse("lab-models")), child, level, *where):
        return
    if made is not None:
        _add_run(made, key, level + 1, *where)
    parts = {part["fingerprint"] for part in model.spec.get("options", {}).get("parts", [])}
    for part in EmbeddingModel.objects.filter(fingerprint__in=parts):
        _add_encoder(part, key, level + 1, *where)


def _data_of(run: TrainingRun) -> list[Node]:
    """The catalogue, or every round whose votes were learnt from."""
    kind, _, number = run.data.partition(":")
    if kind == "catalogue":
        found = Catalogue.objects.filter(pk=int(number)).first()
        if found is None:
            return []
        url = reverse("lab-catalogue", args=[found.slug])
        return [Node(f"catalogue/{found.pk}", "labels", found.slug, "labels of the catalogue", url)]
    study = Study.objects.filter(pk=int(number)).first()
    votes = run.card.get("votes", {})
    told = f"{votes['learnt from']:,} of {votes['votes']:,} votes learnt from, all rounds together" if votes else ""
    return [
        Node(f"study/{one.pk}", "votes", one.slug, told, reverse("leaderboard", args=[one.slug]))
        for one in (rounds_up_to(study) if study else [])
    ]


def _laid_out(nodes: dict[str, Node], links: list[tuple[str, str]], levels: list[list[str]]) -> Tree:
    widest = max(len(level) for level in levels)
    width = widest * BOX_WIDTH + (widest - 1) * _GAP_X + 2 * _EDGE
    for number, level in enumerate(levels):
        own = len(level) * BOX_WIDTH + (len(level) - 1) * _GAP_X
        for place, key in enumerate(level):
            nodes[key].x = (width - own) // 2 + place * (BOX_WIDTH + _GAP_X)
            nodes[key].y = _EDGE + number * (BOX_HEIGHT + _GAP_Y)
    edges = [
        Edge(
            nodes[child].x + BOX_WIDTH // 2,
            nodes[child].y + BOX_HEIGHT,
            nodes[parent].x + BOX_WIDTH // 2,
            nodes[parent].y,
        )
        for child, parent in dict.fromkeys(links)
    ]
    height = len(levels) * (BOX_HEIGHT + _GAP_Y) - _GAP_Y + 2 * _EDGE
    ordered = [nodes[key] for level in levels for key in level]
    return Tree(ordered, edges, width, height)
