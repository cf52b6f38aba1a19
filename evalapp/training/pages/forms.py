"""What an operator says to have votes learnt from: once, or again and again."""

from __future__ import annotations

from typing import Any

from django import forms

from evalapp.core.models import Job
from evalapp.studies.models import Study
from evalapp.training.models import Schedule
from evalapp.training.services.retraining import begin_retraining
from evalapp.training.services.schedules import set_schedule
from models_registry.training.common.recipe_base import list_recipes


class LearnForm(forms.Form):
    """What `retrain` takes; with a number of votes or days they make a schedule."""

    study = forms.ModelChoiceField(
        Study.objects.filter(opened_at__isnull=False).order_by("-opened_at"),
        to_field_name="slug",
        label="From the votes of",
        empty_label=None,
    )
    recipe = forms.ChoiceField(label="Recipe", initial="adapter")
    name = forms.CharField(
        max_length=60, label="Name of the encoder", help_text="A schedule counts on: NAME-g1, NAME-g2 …"
    )
    sources = forms.CharField(
        required=False,
        label="Start from",
        help_text="MODEL.TAP, several with commas. Empty: the encoders of the study and colours.",
    )
    opens = forms.BooleanField(
        required=False, label="Open the next round by itself when its pairs are there, and close the one before"
    )
    every_votes = forms.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, label="Again after so many votes", help_text="Empty: never."
    )
    every_days = forms.IntegerField(
        required=False, min_value=1, max_value=3650, label="Again after so many days", help_text="7 is weekly."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["recipe"]
        if isinstance(choice, forms.ChoiceField):
            choice.choices = [(entry.name, f"{entry.name}: {entry.summary}") for entry in list_recipes("votes")]

    @property
    def three(self) -> list[forms.BoundField]:
        """What everybody says."""
        return [self["study"], self["name"], self["recipe"]]

    @property
    def more(self) -> list[forms.BoundField]:
        """What few people say."""
        return [self[name] for name in self.fields if name not in {"study", "name", "recipe"}]

    def begin(self) -> Schedule | Job | None:
        """The schedule, or the job of one turn; only after `is_valid`. Raises InvalidInput, Conflict."""
        params = dict(self.cleaned_data)
        params["sources"] = [part.strip() for part in params["sources"].split(",") if part.strip()]
        study, votes, days = (params.pop(name) for name in ("study", "every_votes", "every_days"))
        if votes or days:
            return set_schedule(study, every_votes=votes, every_days=days, **params)
        return begin_retraining(study, **params).run.job
