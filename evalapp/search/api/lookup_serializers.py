"""What a search may be asked, and how answers are told."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from evalapp.catalog.models import LONGEST
from evalapp.catalog.services.renditions import picture_url
from evalapp.search.domain.lookup_params import MOST_ANSWERS, USUAL_ANSWERS
from evalapp.search.domain.question_token import Question
from evalapp.search.queries.gallery import ATTRIBUTE, COLUMNS, ShownItem
from evalapp.search.queries.lookups import Answer, Result
from models_registry.metrics import METRICS

_MOST_VALUES = 50
_LONGEST_NAME = 300


class FiltersField(serializers.JSONField):
    """`{"category": ["dress", "skirt"], "attributes.colour": ["red"]}`; in a form, the same as text."""

    def to_internal_value(self, data: Any) -> dict[str, list[str]]:
        if isinstance(data, str):
            try:
                data = json.loads(data)
            except ValueError:
                raise serializers.ValidationError("Give a JSON object of lists.") from None
        if not isinstance(data, dict):
            raise serializers.ValidationError("Give an object: the name of a column and a list of its values.")
        return {str(name): _filter_values(str(name), values) for name, values in data.items()}


def _filter_values(name: str, values: Any) -> list[str]:
    is_column = name in COLUMNS or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))
    if not is_column or len(name) > _LONGEST_NAME or "\x00" in name:
        raise serializers.ValidationError(
            f"{name[:80]!r} is no column to filter on; there are {', '.join(COLUMNS)} and attributes.NAME."
        )
    texts = values if isinstance(values, list) else [values]
    if not 1 <= len(texts) <= _MOST_VALUES or not all(
        isinstance(text, str) and len(text) <= LONGEST["product"] and "\x00" not in text for text in texts
    ):
        raise serializers.ValidationError(f"{name}: give up to {_MOST_VALUES} texts.")
    return texts


class LookupInput(serializers.Serializer[Any]):
    """What every search may be asked."""

    k = serializers.IntegerField(default=USUAL_ANSWERS, min_value=1, max_value=MOST_ANSWERS)
    metric = serializers.ChoiceField(choices=METRICS, required=False, allow_blank=True)
    filters = FiltersField(required=False, default=dict)
    group = serializers.ChoiceField(
        choices=["", "product"], default="", allow_blank=True, help_text="`product`: one answer of each."
    )

    class Meta:
        ref_name = "LookupWords"


class AnswerOutput(serializers.Serializer[Any]):
    """An item that was found. No file name, nothing of the encoder."""

    key = serializers.CharField()
    category = serializers.CharField()
    product = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    distance = serializers.FloatField(allow_null=True)
    image = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()

    class Meta:
        ref_name = "SearchAnswer"


class RegionOutput(serializers.Serializer[Any]):
    """A part of the photo that may be meant; a suggestion."""

    box = serializers.ListField(child=serializers.IntegerField(), help_text="x1, y1, x2, y2 in pixels of the photo.")
    score = serializers.FloatField(help_text="How sure its locator is, 0 to 1.")
    # The metaclass takes declared fields out of the class: the serializer's own label stays what it is.
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="What its locator calls it; often empty."
    )
    by = serializers.ChoiceField(choices=["catalogue", "locator", "map"], help_text="Who suggests it.")

    class Meta:
        ref_name = "Region"


class LabelGuessOutput(serializers.Serializer[Any]):
    """A label that a photo may show."""

    value = serializers.CharField(allow_null=True, help_text="Null: none of these, nothing is likely enough.")
    likeliest = serializers.CharField(help_text="The best guess, however unlikely.")
    confidence = serializers.FloatField(
        allow_null=True, help_text="The probability that `likeliest` is right; null where it could not be calibrated."
    )
    share = serializers.FloatField(help_text="Of the weight of the nearest items.")
    margin = serializers.FloatField(help_text="To the second label.")

    class Meta:
        ref_name = "LabelGuess"


class GuessOutput(serializers.Serializer[Any]):
    """What a photo shows; null where the nearest items have no such label."""

    product = LabelGuessOutput(allow_null=True)
    category = LabelGuessOutput(allow_null=True)

    class Meta:
        ref_name = "Guess"


class LookupOutput(serializers.Serializer[Any]):
    """The answers to a search."""

    answers = AnswerOutput(many=True)
    by = serializers.ChoiceField(choices=["vectors", "attributes"], help_text="What they were found by.")
    facets = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    guess = GuessOutput(allow_null=True, help_text="Of a photo: which product and category it shows.")
    regions = RegionOutput(many=True)
    picture = serializers.ListField(child=serializers.IntegerField(), allow_null=True, help_text="Width and height.")
    question = serializers.CharField(help_text="Send it with what people say to the answers.")
    generation = serializers.IntegerField()
    change = serializers.IntegerField(help_text="The catalogue's change up to which the answers know it.")

    class Meta:
        ref_name = "SearchAnswers"


def answer_document(answer: Answer) -> dict[str, Any]:
    """An answer as it leaves the server."""
    return {**item_document(answer.item), "distance": round(answer.distance, 6)}


def item_document(item: ShownItem) -> dict[str, Any]:
    """An item as visitors may see it."""
    return {
        "key": item.key,
        "category": item.category,
        "product": item.product,
        "attributes": dict(item.attributes),
        "image": picture_url(item.public_id),
        "width": item.width,
        "height": item.height,
    }


def result_document(result: Result, question: Question, *, is_mixed: bool = False) -> dict[str, Any]:
    """A whole result, with the signed question that feedback refers to.

    Distances of a mixed list would tell which of two encoders found what.
    """
    answers = [answer_document(answer) for answer in result.answers]
    if is_mixed:
        answers = [{**answer, "distance": None} for answer in answers]
    return {
        "answers": answers,
        "by": result.by,
        "facets": result.facets,
        "guess": result.guess,
        "regions": [asdict(region) for region in result.regions],
        "picture": result.picture,
        "question": question.to_token(),
        "generation": result.generation,
        "change": result.change,
    }
