"""An encoder's family as a picture: from it to its run, its data, and the encoders that it was made from."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import EmbeddingModel
from evalapp.core.domain.job_targets import split_target
from evalapp.plots.family_tree import Member, family_tree
from evalapp.plots.marks import Drawing
from evalapp.studies.models import Study
from evalapp.training.models import TrainingRun
from evalapp.training.queries.rounds import rounds_up_to

_DEEPEST = 12


@dataclass(slots=True)
class Node:
    """An encoder, a run or what was learnt from; `after` names what was made of it."""

    key: str
    kind: str
    name: str
    told: str = ""
    url: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes, nearest first, and the picture of them."""

    nodes: list[Node]
    drawing: Drawing


def family_of(run: TrainingRun) -> Tree:
    """Everything that the run's encoder came from, level by level."""
    nodes: dict[str, Node] = {}
    links: list[tuple[str, str]] = []
    levels: list[list[str]] = []
    _add_run(run, "", 0, nodes, links, levels)
    members = {
        key: Member(node.kind, node.name, "box" if node.kind == "encoder" else "box-soft")
        for key, node in nodes.items()
    }
    title = f"{run.name} and what it was made from"
    drawing = family_tree("lineage", title, "The list below says the same.", members, levels, links)
    return Tree([nodes[key] for level in levels for key in level], drawing)


def _add_node(
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
    if not _add_node(node, child, level, *where) or level > _DEEPEST:
        return
    for data in _data_of(run):
        _add_node(data, key, level + 1, *where)
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
    made_by = TrainingRun.objects.filter(model=model).select_related("parent").first()
    family = str(model.spec["family"])
    if not _add_node(Node(key, "encoder", model.name, family, reverse("lab-models")), child, level, *where):
        return
    if made_by is not None:
        _add_run(made_by, key, level + 1, *where)
    parts = {part["fingerprint"] for part in model.spec.get("options", {}).get("parts", [])}
    for part in EmbeddingModel.objects.filter(fingerprint__in=parts):
        _add_encoder(part, key, level + 1, *where)


def _data_of(run: TrainingRun) -> list[Node]:
    """The catalogue, or every round whose votes were learnt from."""
    kind, number = split_target(run.data)
    if kind == "catalogue":
        catalogue = Catalogue.objects.filter(pk=number).first()
        if catalogue is None:
            return []
        url = reverse("lab-catalogue", args=[catalogue.slug])
        return [Node(f"catalogue/{catalogue.pk}", "labels", catalogue.slug, "labels of the catalogue", url)]
    study = Study.objects.filter(pk=number).first()
    votes = run.card.get("votes", {})
    text = f"{votes['learnt from']:,} of {votes['votes']:,} votes learnt from, all rounds together" if votes else ""
    return [
        Node(f"study/{earlier.pk}", "votes", earlier.slug, text, reverse("leaderboard", args=[earlier.slug]))
        for earlier in (rounds_up_to(study) if study else [])
    ]
