"""The words of a new study, and of changes to one, as operators type them into pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms

from evalapp.catalog.models import Catalogue
from evalapp.contenders.queries import registered_models
from evalapp.studies.models import BoardVisibility, Study, StudyMode
from evalapp.studies.services import MOST_GALLERY, MOST_QUERIES, MOST_SHARE, StudyPlan
from models_registry.metrics import METRICS


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the choice of contenders: a model at a tap, and the words of each metric with it."""

    name: str
    dimensions: int
    choices: tuple[tuple[str, str], ...]


def line_up() -> list[Line]:
    """Every registered model at every tap, with every metric."""
    return [
        Line(name, tap["dim"], tuple((f"{name}:{metric}", metric) for metric in METRICS))
        for model in registered_models()
        for tap in model["taps"]
        for name in [model["name"] if len(model["taps"]) == 1 else f"{model['name']}.{tap['name']}"]
    ]


class NewStudyForm(forms.Form):
    """What `create_study` asks for; the contenders are ticked in a table of taps and metrics."""

    title = forms.CharField(max_length=200, label="Title", help_text="What visitors read above the question.")
    slug = forms.SlugField(max_length=80, label="Name in addresses", help_text="Small letters, digits and dashes.")
    question = forms.CharField(max_length=200, label="Question", initial="Do these two match?")
    catalogue = forms.ModelChoiceField(
        Catalogue.objects.all(), to_field_name="slug", label="Catalogue", empty_label=None
    )
    contenders = forms.MultipleChoiceField(
        label="Contenders", error_messages={"required": "Tick at least one contender."}
    )
    control = forms.BooleanField(required=False, initial=True, label="A random control takes part: the floor")
    queries = forms.IntegerField(
        required=False, min_value=1, label="Queries", help_text=f"Empty: all, {MOST_QUERIES:,} at most."
    )
    gallery = forms.IntegerField(
        required=False, min_value=2, label="Gallery", help_text=f"Empty: all pictures, {MOST_GALLERY:,} at most."
    )
    top_k = forms.IntegerField(
        min_value=1, max_value=1000, initial=10, label="Neighbours kept", help_text="The first is shown, all train."
    )
    exclude = forms.ChoiceField(
        choices=[("none", "nothing but the picture itself"), ("product", "the same product")], label="Never nominate"
    )
    mode = forms.ChoiceField(
        choices=[
            (StudyMode.SWIPE.value, "swipe: dope or nope, one pair at a time"),
            (StudyMode.TWO.value, "two: which of two candidates is closer"),
            (StudyMode.GRID.value, "grid: tick all that match"),
        ],
        label="People answer by",
    )
    random_sides = forms.BooleanField(required=False, label="Chance says on which side the query stands")
    follows_catalogue = forms.BooleanField(
        required=False, label="While it is open, draft and compute the next round when the catalogue has changed"
    )
    gold_share = forms.FloatField(
        min_value=0,
        max_value=MOST_SHARE,
        initial=0.05,
        label="Share of known answers",
        help_text="To know whom to trust.",
    )
    repeat_share = forms.FloatField(
        min_value=0,
        max_value=MOST_SHARE,
        initial=0.02,
        label="Share of repeats",
        help_text="Do people agree with themselves?",
    )
    board = forms.ChoiceField(
        choices=[
            (BoardVisibility.PRIVATE.value, "operators"),
            (BoardVisibility.UNLISTED.value, "whoever has the address"),
            (BoardVisibility.PUBLIC.value, "everybody"),
        ],
        label="The board is for",
    )
    seed = forms.IntegerField(
        min_value=0, max_value=2**63 - 1, initial=0, label="Seed", help_text="Same seed, same draw."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.line_up = line_up()
        choices = self.fields["contenders"]
        if isinstance(choices, forms.MultipleChoiceField):
            choices.choices = [choice for line in self.line_up for choice in line.choices]

    @property
    def ticked(self) -> list[str]:
        """The contenders that are ticked now."""
        found = self.data.getlist("contenders") if hasattr(self.data, "getlist") else []
        return [str(name) for name in found]

    def plan(self) -> StudyPlan:
        """The study that was asked for; only after `is_valid`."""
        return StudyPlan(**self.cleaned_data)


class ChangeStudyForm(forms.ModelForm[Study]):
    """Title, question, who may see the board, and whether the next round comes by itself."""

    class Meta:
        model = Study
        fields = ("title", "question", "board", "follows_catalogue")
        labels = {"follows_catalogue": "Draft and compute the next round when the catalogue has changed"}
