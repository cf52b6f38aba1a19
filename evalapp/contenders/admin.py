from django.contrib import admin
from django.http import HttpRequest

from evalapp.contenders.models import Embedding, EmbeddingModel, RegionNetwork


@admin.register(EmbeddingModel)
class EmbeddingModelAdmin(admin.ModelAdmin[EmbeddingModel]):
    """For reading: a model never changes, and is made by `register_model`, which checks it."""

    list_display = ("name", "source", "created_at")
    readonly_fields = ("name", "source", "spec", "fingerprint", "weights", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Embedding)
class EmbeddingAdmin(admin.ModelAdmin[Embedding]):
    """For reading: vectors are accounted for by the worker that makes them."""

    list_display = ("model", "tap", "catalogue", "dimensions", "vectors", "updated_at")
    list_select_related = ("model", "catalogue")
    readonly_fields = ("model", "tap", "catalogue", "dimensions", "vectors", "updated_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(RegionNetwork)
class RegionNetworkAdmin(admin.ModelAdmin[RegionNetwork]):
    """For reading: made by `register_locator` and `register_masker`, which try it."""

    list_display = ("name", "kind", "source", "created_at")
    readonly_fields = ("kind", "name", "source", "spec", "fingerprint", "weights", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
