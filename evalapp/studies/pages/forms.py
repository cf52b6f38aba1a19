"""The words of a new study, and of changes to one, as operators type them into pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms

from evalapp.catalog.domain.box_styles import MOST_MARGIN as MOST_MARGIN_OF_BOX
from evalapp.catalog.domain.label_scopes import labels_from_text
from evalapp.catalog.models import Catalogue
from evalapp.catalog.queries import label_choices
from evalapp.contenders.queries.registered_models import registered_models
from evalapp.core.domain.errors import Problem
from evalapp.studies.domain.usual_shares import USUAL_GOLD_SHARE, USUAL_MARGIN, USUAL_REPEAT_SHARE
from evalapp.studies.models import BoardVisibility, SamplingMethod, Study, StudyMode
from evalapp.studies.queries.study_reads import free_study_slug
from evalapp.studies.services import MOST_GALLERY, MOST_MARGIN, MOST_QUERIES, MOST_SHARE, StudyPlan
from models_registry.metrics import METRICS

_LABELS_SHOWN = 12


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
    catalogue = forms.ModelChoiceField(
        Catalogue.objects.filter(archived_at=None), to_field_name="slug", label="Catalogue", empty_label=None
    )
    contenders = forms.MultipleChoiceField(
        label="Contenders", error_messages={"required": "Tick at least one contender."}
    )
    question = forms.CharField(
        required=False, max_length=200, label="Question", help_text="Empty: the usual one of how people answer."
    )
    slug = forms.SlugField(
        required=False, max_length=80, label="Name in addresses", help_text="Empty: made from the title."
    )
    query_labels = forms.CharField(
        required=False,
        max_length=4000,
        label="Ask only for",
        help_text="FIELD=VALUE, with commas: category=skirt, domain=street, colour=red. Empty: any picture.",
    )
    gallery_labels = forms.CharField(
        required=False, max_length=4000, label="Answer only with", help_text="The same, such as category=blouse."
    )
    query_domain = forms.CharField(required=False, max_length=80, label="Ask only for the domain")
    gallery_domain = forms.CharField(required=False, max_length=80, label="Answer only from the domain")
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
        choices=[
            ("none", "nothing but the picture itself"),
            ("product", "the same product as the query’s"),
            ("once", "a product twice: of each only its nearest picture"),
        ],
        label="Never nominate",
    )
    mode = forms.ChoiceField(
        choices=[
            (StudyMode.SWIPE.value, "swipe: dope or nope, one pair at a time"),
            (StudyMode.TWO.value, "two: which of two candidates is closer"),
            (StudyMode.GRID.value, "grid: tick all that match"),
        ],
        label="People answer by",
    )
    dim_boxes = forms.BooleanField(
        required=False, label="Of an item with a box, show the whole picture, darkened outside the box"
    )
    box_margin = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_MARGIN_OF_BOX,
        initial=0,
        label="Shown around a box, in per cent of its sides",
        help_text="0: exactly what the contenders compare.",
    )
    random_sides = forms.BooleanField(required=False, label="Chance says on which side the query stands")
    follows_catalogue = forms.BooleanField(
        required=False, label="While it is open, draft and compute the next round when the catalogue has changed"
    )
    sampling = forms.ChoiceField(
        choices=[
            (SamplingMethod.ADAPTIVE.value, "what decides between the leaders"),
            (SamplingMethod.UNIFORM.value, "all pairs alike"),
            (SamplingMethod.QUOTA.value, "pairs with the fewest votes"),
        ],
        label="Votes are spent on",
        required=False,
    )
    sampling_strata = forms.BooleanField(
        required=False, label="Draw each category as often as its share of the queries says"
    )
    training_pictures = forms.BooleanField(
        required=False, label="Show people also what a contender was trained on; the board says so"
    )
    margin = forms.FloatField(
        min_value=0,
        max_value=MOST_MARGIN,
        initial=USUAL_MARGIN,
        label="Near enough to the best",
        help_text="Declare also who is surely at most so far below the best: 0.02 is two points. 0: only the best.",
    )
    gold_share = forms.FloatField(
        min_value=0,
        max_value=MOST_SHARE,
        initial=USUAL_GOLD_SHARE,
        label="Share of known answers",
        help_text="To know whom to trust.",
    )
    repeat_share = forms.FloatField(
        min_value=0,
        max_value=MOST_SHARE,
        initial=USUAL_REPEAT_SHARE,
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
    def known_labels(self) -> list[tuple[str, str]]:
        """The labels of the catalogue that is chosen, or of the first, to be written above; the most frequent ones."""
        chosen = self.data.get("catalogue") or self.initial.get("catalogue")
        catalogue = Catalogue.objects.filter(archived_at=None, **({"slug": chosen} if chosen else {})).first()
        choices = label_choices(catalogue) if catalogue else {}
        return [(field, ", ".join(values[:_LABELS_SHOWN])) for field, values in choices.items()]

    @property
    def more(self) -> list[forms.BoundField]:
        """What few people change."""
        return [self[name] for name in self.fields if name not in {"title", "catalogue", "contenders"}]

    def clean_query_labels(self) -> dict[str, list[str]]:
        """The words, understood."""
        return self._clean_labels("query_labels")

    def clean_gallery_labels(self) -> dict[str, list[str]]:
        """The words, understood."""
        return self._clean_labels("gallery_labels")

    def _clean_labels(self, name: str) -> dict[str, list[str]]:
        try:
            return labels_from_text(self.cleaned_data[name])
        except Problem as problem:
            raise forms.ValidationError(problem.message) from problem

    def clean_sampling(self) -> str:
        """An empty choice is the usual one."""
        return self.cleaned_data["sampling"] or SamplingMethod.ADAPTIVE

    def clean(self) -> dict[str, Any]:
        """A name in addresses where none was given."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("slug") and cleaned.get("title"):
            cleaned["slug"] = free_study_slug(cleaned["title"])
        return cleaned

    @property
    def ticked(self) -> list[str]:
        """The contenders that are ticked now."""
        names = self.data.getlist("contenders") if hasattr(self.data, "getlist") else []
        return [str(name) for name in names]

    def clean_box_margin(self) -> int:
        """An empty field is none."""
        return self.cleaned_data["box_margin"] or 0

    def to_plan(self) -> StudyPlan:
        """The study that was asked for; only after `is_valid`."""
        return StudyPlan(**self.cleaned_data)


class NextRoundForm(forms.Form):
    """Who takes part in the next round, and whether it asks about the same pictures."""

    drop = forms.MultipleChoiceField(required=False, label="Leave out", widget=forms.CheckboxSelectMultiple)
    add = forms.MultipleChoiceField(
        required=False,
        label="Let join",
        widget=forms.SelectMultiple(attrs={"size": 6}),
        help_text="Several with Ctrl or ⌘.",
    )
    queries = forms.ChoiceField(
        choices=[("kept", "the same"), ("fresh", "others than in any round before")], label="Its queries are"
    )

    def __init__(self, study: Study, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = list(study.contenders.filter(archived_at=None).order_by("pk").values_list("name", flat=True))
        new = [word for line in line_up() for word, _ in line.choices if word not in names]
        for field, choices in (("drop", names), ("add", new)):
            choice = self.fields[field]
            if isinstance(choice, forms.MultipleChoiceField):
                choice.choices = [(name, name) for name in choices]


class ChangeStudyForm(forms.ModelForm[Study]):
    """Title, question, who may see the board, where it may be framed, and whether the next round comes by itself."""

    hosts = forms.CharField(
        required=False,
        max_length=4000,
        label="Pages that may show it in a frame",
        help_text="Origins with commas, such as https://shop.example.org.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hosts"].initial = ", ".join(self.instance.embed_hosts)

    class Meta:
        model = Study
        fields = ("title", "question", "board", "follows_catalogue")
        labels = {"follows_catalogue": "Draft and compute the next round when the catalogue has changed"}
