"""Training runs."""

from django.contrib import admin
from django.http import HttpRequest

from evalapp.training.models import TrainingRun


@admin.register(TrainingRun)
class TrainingRunAdmin(admin.ModelAdmin[TrainingRun]):
    """For reading: a run is begun by `train`, which checks what it is told."""

    list_display = ("name", "recipe", "data", "parent", "model", "created_at")
    list_select_related = ("parent", "model")
    readonly_fields = (
        "name", "recipe", "config", "data", "seed", "parent", "parent_tap", "job", "model", "metrics", "card",
        "created_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
