"""How many pictures a worker takes at once."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from evalapp.contenders.pipeline import embeddings
from models_registry.encoders.forward_passes import DEVICE_PASS_SIZE


@pytest.mark.parametrize(("device", "passes"), [("cuda", 8), ("cpu", 1)])
def test_a_chunk_of_a_gpu_is_several_passes_of_it(settings: LazySettings, device: str, passes: int) -> None:
    """With one, the device waits while the next is claimed, decoded and written."""
    settings.DEVICE = device
    settings.CHUNK_PICTURES = 256
    assert embeddings.chunk_size() == passes * DEVICE_PASS_SIZE
