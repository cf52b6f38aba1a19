"""Which items are meant, in words about their labels: `category=skirt`, `domain=shop`, `colour=red`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evalapp.core.domain.errors import InvalidInput
from evalapp.core.domain.values.storable_texts import why_unstorable

Labels = dict[str, list[str]]
"""Field to the values of which an item has one; every field must fit. What is no column is an attribute."""

COLUMNS = ("category", "product", "domain", "split")
_MOST_FIELDS, _MOST_VALUES, _LONGEST = 20, 200, 200


def labels_from_words(words: Iterable[str]) -> Labels:
    """`FIELD=VALUE` each, the same field again for another value that will do. Raises InvalidInput."""
    labels: Labels = {}
    for word in words:
        field, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not field or not value:
            raise InvalidInput(f"Write FIELD=VALUE, such as category=skirt, not {word!r}.", code="bad_labels")
        labels.setdefault(field, []).append(value)
    return checked_labels(labels)


def labels_from_text(text: str) -> Labels:
    """The same, one a line or with commas between."""
    return labels_from_words(part.strip() for part in text.replace("\n", ",").split(",") if part.strip())


def text_of_labels(labels: Mapping[str, Iterable[str]]) -> str:
    """The words again, with commas between.

    >>> text_of_labels({"category": ["skirt", "dress"]})
    'category=skirt, category=dress'
    """
    return ", ".join(f"{field}={value}" for field, values in labels.items() for value in values)


def checked_labels(labels: Mapping[str, Iterable[str]]) -> Labels:
    """As they are stored: no doubles, no more and no longer than makes sense. Raises InvalidInput."""
    checked = {field: list(dict.fromkeys(values)) for field, values in labels.items()}
    if len(checked) > _MOST_FIELDS or any(len(values) > _MOST_VALUES for values in checked.values()):
        raise InvalidInput(f"At most {_MOST_FIELDS} fields of {_MOST_VALUES} values each.", code="bad_labels")
    for text in (*checked, *(value for values in checked.values() for value in values)):
        if not isinstance(text, str) or not text or len(text) > _LONGEST or why_unstorable(text):
            raise InvalidInput(f"A label has between 1 and {_LONGEST} letters.", code="bad_labels")
    if empty := [field for field, values in checked.items() if not values]:
        raise InvalidInput(f"{empty[0]} needs at least one value.", code="bad_labels")
    return checked
