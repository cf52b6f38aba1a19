"""What operators type and send to bring a network."""

from __future__ import annotations

from typing import Any

from django import forms

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import EmbeddingModel, RegionNetwork, Registration
from evalapp.contenders.services.region_registration import request_region
from evalapp.contenders.services.registrations import (
    ENDINGS,
    OPTIONS,
    PREPROCESSING,
    request_preprocessing,
    request_registration,
)
from models_registry.regions import region_options

_RESIZE = [
    ("squash", "squash: the shape is given up"),
    ("shorter-side", "shorter side: the rest is cut off evenly"),
    ("letterbox", "letterbox: bars fill what is left"),
]
_INTERPOLATION = [(name, name) for name in ("nearest", "bilinear", "bicubic", "lanczos")]
_CHANNELS = [("rgb", "red, green, blue"), ("bgr", "blue, green, red, as OpenCV reads")]
_AS_TOLD = [("", "as the network says")]


class PreprocessingForm(forms.Form):
    """How a network wants its pictures. What is empty stays as it is, or as the network says."""

    resize = forms.ChoiceField(required=False, choices=_AS_TOLD + _RESIZE, label="To its size by")
    interpolation = forms.ChoiceField(required=False, choices=_AS_TOLD + _INTERPOLATION, label="Interpolation")
    mean = forms.CharField(
        required=False, max_length=60, label="Mean", help_text="One number or three, of pictures scaled to 0 … 1."
    )
    std = forms.CharField(required=False, max_length=60, label="Standard deviation", help_text="One number or three.")
    channels = forms.ChoiceField(required=False, choices=_AS_TOLD + _CHANNELS, label="Channels")

    @classmethod
    def for_model(cls, model: EmbeddingModel) -> PreprocessingForm:
        """The form with what is so now."""
        rules = model.preprocess or {}
        current = {name: rules.get(name, "") for name in PREPROCESSING}
        for name in ("mean", "std"):
            current[name] = ", ".join(f"{value:g}" for value in current[name] or ())
        return cls(initial=current)

    def request_change(self, model: EmbeddingModel) -> Registration:
        """The change with its job; only after `is_valid`. Raises Problem."""
        return request_preprocessing(model, {name: self.cleaned_data[name] for name in PREPROCESSING})


class RegisterForm(PreprocessingForm):
    """A file, or a network by name, under the name that studies will call it."""

    name = forms.CharField(max_length=80, label="What studies call it", help_text="Letters, digits, dots, dashes.")
    file = forms.FileField(required=False, label="The network")
    source = forms.CharField(
        required=False,
        max_length=400,
        label="Or a network by name",
        help_text="efficientnet-lite0, vgg16.imagenet, colour-histogram, hf:NAME, timm:NAME …",
    )
    tap = forms.CharField(
        required=False, max_length=200, label="Outputs", help_text="Empty: found out. Several with commas."
    )
    size = forms.IntegerField(
        required=False, min_value=8, max_value=4096, label="Side of its input", help_text="Where it leaves that open."
    )
    seed = forms.IntegerField(
        required=False, min_value=0, max_value=2**31, label="Seed", help_text="Of random weights."
    )
    catalogue = forms.ModelChoiceField(
        Catalogue.objects.filter(archived_at=None),
        required=False,
        to_field_name="slug",
        label="Try it on pictures of",
        empty_label="the newest catalogue",
    )
    field_order = ("name", "file", "source", "tap", "size", "resize", "interpolation", "mean", "std", "channels")

    accept = ",".join(ENDINGS)

    @property
    def more(self) -> list[forms.BoundField]:
        """What few people need."""
        return [self[name] for name in self.fields if name not in {"name", "file", "source"}]

    def begin(self) -> Registration:
        """The registration with its job; only after `is_valid`. Raises Problem."""
        cleaned: dict[str, Any] = self.cleaned_data
        return request_registration(
            name=cleaned["name"],
            source=cleaned["source"].strip(),
            upload=cleaned["file"],
            options={name: cleaned[name] for name in OPTIONS if cleaned.get(name) not in {None, ""}},
            catalogue=cleaned["catalogue"],
        )


class RegionForm(PreprocessingForm):
    """A detector or a mask network, as one ONNX file."""

    kind = forms.ChoiceField(
        choices=[("locator", "suggests boxes: a detector"), ("masker", "blanks backgrounds: a mask network")],
        label="What it does",
    )
    name = forms.CharField(max_length=80, label="What indexes call it", help_text="Letters, digits, dots, dashes.")
    file = forms.FileField(label="The network")
    size = forms.IntegerField(
        required=False, min_value=8, max_value=2048, label="Side of its input", help_text="Where it leaves that open."
    )
    resize = forms.ChoiceField(
        required=False,
        choices=[("", "squash: the shape is given up"), _RESIZE[2]],
        label="To its size by",
    )
    least_score = forms.FloatField(
        required=False,
        label="Least score",
        help_text="Boxes below it are not suggested (0.3); where a mask is below it, the picture is blanked (0.5).",
    )
    outputs = forms.CharField(
        required=False, max_length=200, label="Outputs", help_text="Empty: found out. Boxes and scores with a comma."
    )
    boxes = forms.ChoiceField(
        required=False,
        choices=[("", "as their layout tells"), ("shares", "shares of the sides"), ("pixels", "pixels of the input")],
        label="A detector’s boxes are in",
    )
    corners = forms.ChoiceField(
        required=False,
        choices=[("", "as their layout tells"), *((name, name) for name in ("xyxy", "yxyx", "xywh", "cxcywh"))],
        label="Order of their corners",
    )
    catalogue = forms.ModelChoiceField(
        Catalogue.objects.filter(archived_at=None),
        required=False,
        to_field_name="slug",
        label="Try it on pictures of",
        empty_label="the newest catalogue",
    )
    field_order = ("kind", "name", "file", "size", "resize", "interpolation", "mean", "std", "channels")

    @property
    def more(self) -> list[forms.BoundField]:
        """What few people need."""
        return [self[name] for name in self.fields if name not in {"kind", "name", "file"}]

    def begin(self) -> Registration:
        """The registration with its job; only after `is_valid`. Raises Problem."""
        cleaned: dict[str, Any] = self.cleaned_data
        return request_region(
            "masker" if cleaned["kind"] == RegionNetwork.Kind.MASKER else "locator",
            name=cleaned["name"],
            upload=cleaned["file"],
            options=region_options(cleaned),
            catalogue=cleaned["catalogue"],
        )
