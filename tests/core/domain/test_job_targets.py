from __future__ import annotations

import pytest
from django.apps import apps

from evalapp.core.domain.job_targets import TARGET_MODELS, is_target, split_target, target_id, target_of


def test_a_target_says_what_it_is_about() -> None:
    target = target_of("study", 12)
    assert target == "study:12"
    assert split_target(target) == ("study", 12)
    assert target_id("study", target) == 12
    assert is_target("study", target)
    assert not is_target("catalogue", target)


@pytest.mark.parametrize("target", ["catalogue:12", "study:", "study", "studying:12", ""])
def test_a_target_of_another_kind_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"is no study|invalid literal"):
        target_id("study", target)


def test_every_kind_of_target_is_a_model_with_the_field_that_names_it() -> None:
    for model, field in TARGET_MODELS.values():
        apps.get_model(model).objects.values_list("pk", field)
