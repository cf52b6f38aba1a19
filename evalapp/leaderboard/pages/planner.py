"""How many more votes: for this study from where it stands, and for another before it begins."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from evalapp.leaderboard.pages.board_access import reading_for
from evalapp.leaderboard.services import outlook_of
from evalapp.stats.planning import votes_beforehand


class PlanForm(forms.Form):
    """What one expects of a study that has not begun."""

    best = forms.FloatField(label=_("Approval of the best (%)"), min_value=1, max_value=99, initial=55)
    second = forms.FloatField(label=_("Approval of the second (%)"), min_value=1, max_value=99, initial=50)
    contenders = forms.IntegerField(label=_("Contenders"), min_value=2, max_value=200, initial=8)
    overlap = forms.FloatField(label=_("Same first choice (%)"), min_value=0, max_value=95, initial=30)
    effect = forms.FloatField(label=_("Design effect of voters"), min_value=0.5, max_value=20, initial=1.2)

    def clean(self) -> dict[str, Any]:
        params = super().clean() or {}
        if params.get("best", 0) < params.get("second", 0):
            raise forms.ValidationError(_("The best is liked at least as much as the second."))
        return params


@require_safe
def show_plan(request: HttpRequest, slug: str) -> HttpResponse:
    """The outlook of this study, and a small reckoner for the next one."""
    reading = reading_for(request, slug)
    is_asked = bool(request.GET)
    form = PlanForm(request.GET if is_asked else None)
    context = {
        "study": reading.study,
        "board": reading.board,
        "outlook": outlook_of(reading.board, reading.duels),
        "form": form,
        "asked": is_asked and form.is_valid(),
        "votes": _votes_of_plan(form.cleaned_data) if is_asked and form.is_valid() else None,
    }
    return render(request, "leaderboard/plan.html", context)


def _votes_of_plan(params: dict[str, Any]) -> int | None:
    return votes_beforehand(
        params["best"] / 100,
        params["second"] / 100,
        params["contenders"],
        params["overlap"] / 100,
        effect=params["effect"],
    )
