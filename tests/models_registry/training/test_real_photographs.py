"""The short form of `make proofs-training`: a part of the photographs, one network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models_registry.training.labels.label_configs import RetrainConfig, TripletConfig
from models_registry.training.labels.recipes.retrain import RECIPE as RETRAIN
from models_registry.training.labels.recipes.triplet import RECIPE as TRIPLET
from tests.models_registry.training.real_data import photographs

NETWORK = "models/mobilenet_v1_050_160.onnx"


def test_retraining_on_categories_beats_the_networks_own_vectors(shared: Callable[[str], Path], tmp_path: Path) -> None:
    data = photographs(shared("data/clothing"), shared(NETWORK), every=4)
    config = RetrainConfig(epochs=8, hidden=512, test_share=0.4)
    outcome = RETRAIN.run(data, config, tmp_path, on_progress=lambda _report: None, resume=False)
    assert outcome.metrics["headline"]["differences"]["category_match"]["value"] > 0.03


def test_half_of_the_products_teach_to_find_the_other_half(shared: Callable[[str], Path], tmp_path: Path) -> None:
    data = photographs(shared("data/grocery"), shared(NETWORK), every=4)
    config = TripletConfig(by="product", epochs=2, test_share=0.5)
    outcome = TRIPLET.run(data, config, tmp_path, on_progress=lambda _report: None, resume=False)
    assert outcome.metrics["headline"]["differences"]["map_at_r"]["value"] > 0.02
