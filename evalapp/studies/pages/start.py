"""The start page: pictures and a network dropped, a question named, five pairs of each contender, "Ask people"."""

from __future__ import annotations

from django import forms
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from evalapp.catalog.models import Catalogue
from evalapp.contenders.queries.registered_models import registered_models
from evalapp.contenders.services.registrations import ENDINGS
from evalapp.core.domain.attention import waiting_matters
from evalapp.core.domain.errors import NotFound
from evalapp.core.pages.form_jobs import begun
from evalapp.core.queries import job_line
from evalapp.studies.domain.question_texts import usual_question
from evalapp.studies.models import LONGEST_WORDS, QuickStart, StudyMode, StudyState
from evalapp.studies.queries.first_pairs import first_pairs
from evalapp.studies.queries.study_reads import study_with_contenders
from evalapp.studies.services.quick_starts import ALWAYS_THERE, quick_start_by_id, request_quick_start

_KNOWN = {
    "efficientnet": "efficientnet: a small network that comes along",
    "colours": "colours: what any network has to beat",
}


class StartForm(forms.Form):
    """Pictures, a network, a question; nothing else has to be said."""

    file = forms.FileField(required=False, label="Pictures")
    catalogue = forms.ModelChoiceField(
        Catalogue.objects.filter(archived_at=None, items__removed=False).distinct(),
        required=False,
        to_field_name="slug",
        label="Or pictures that are here",
        empty_label="none of these",
    )
    network = forms.FileField(required=False, label="Your network")
    encoders = forms.MultipleChoiceField(
        required=False, label="Let these compete, too", widget=forms.CheckboxSelectMultiple
    )
    question = forms.CharField(
        required=False, max_length=LONGEST_WORDS, label="The question", initial=usual_question(StudyMode.SWIPE)
    )
    title = forms.CharField(
        required=False, max_length=LONGEST_WORDS, label="Title", help_text="Empty: the name of the folder or zip."
    )
    source = forms.CharField(
        required=False, max_length=400, label="Or a network by name", help_text="timm:NAME, hf:NAME, vgg16.imagenet …"
    )
    path = forms.CharField(
        required=False, max_length=1000, label="Or a folder of the server", help_text="Below IMPORT_ROOT."
    )

    accept = ",".join(ENDINGS)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        names = [model["name"] for model in registered_models()]
        choice = self.fields["encoders"]
        if isinstance(choice, forms.MultipleChoiceField):
            every = [*ALWAYS_THERE, *(name for name in names if name not in ALWAYS_THERE)]
            choice.choices = [(name, _KNOWN.get(name, name)) for name in every]
        choice.initial = list(ALWAYS_THERE)

    @property
    def more(self) -> list[forms.BoundField]:
        """What few people need."""
        return [self[name] for name in ("title", "source", "path")]

    def begin(self) -> QuickStart:
        """The start with its job; only after `is_valid`. Raises Problem."""
        fields = dict(self.cleaned_data)
        return request_quick_start(pictures=fields.pop("file"), **fields)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def start_page(request: HttpRequest) -> HttpResponse:
    """The form, and what waits for the operator."""
    form = StartForm(request.POST or None, request.FILES or None)
    if row := begun(request, form):
        return redirect("lab-start-one", row.pk)
    context = {
        "form": form,
        "matters": list(waiting_matters()),
        "recent": QuickStart.objects.select_related("study", "job")[:5],
    }
    return render(request, "studies/start.html", context, status=400 if form.errors else 200)


@require_safe
@staff_member_required
def one_start(request: HttpRequest, start_id: int) -> HttpResponse:
    """How far it is; then five pairs of each contender, and the button that asks people."""
    try:
        row = quick_start_by_id(start_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    study = study_with_contenders(row.study.slug) if row.study else None
    galleries = first_pairs(study) if study and study.state != StudyState.DRAFT else []
    context = {
        "start": row,
        "study": study,
        "job": job_line(row.job_id) if row.job_id else None,
        "trials": [registration for registration in row.registrations.select_related("model") if registration.trial],
        "galleries": galleries,
        "competing": len(galleries),
        "pairs": sum(study.queries.values_list("slots", flat=True)) if study else 0,
    }
    return render(request, "studies/one_start.html", context)
