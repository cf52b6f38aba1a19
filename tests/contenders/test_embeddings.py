"""How many pictures a worker takes at once, and how often it asks for them."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evalapp.catalog.models import Catalogue, Item
from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.pipeline import embeddings
from models_registry.encoders.forward_passes import DEVICE_PASS_SIZE


@pytest.mark.parametrize(("device", "passes"), [("cuda", 8), ("cpu", 1)])
def test_a_chunk_of_a_gpu_is_several_passes_of_it(settings: LazySettings, device: str, passes: int) -> None:
    """With one, the device waits while the next is claimed, decoded and written."""
    settings.DEVICE = device
    settings.CHUNK_PICTURES = 256
    assert embeddings.chunk_size() == passes * DEVICE_PASS_SIZE


@pytest.mark.django_db
@pytest.mark.database
def test_a_chunk_asks_for_its_items_once(cards: Catalogue) -> None:
    """Asked three times, a small network waited for the database for a tenth of the time."""
    model = EmbeddingModel.objects.get(name="colours")
    items = list(Item.objects.filter(catalogue=cards).values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as asked:
        assert embeddings.embed_items(model, ["embedding"], items) == []
    assert sum(Item._meta.db_table in query["sql"] for query in asked) == 1
    assert embeddings.items_without_vectors(model, ["embedding"], items) == []
