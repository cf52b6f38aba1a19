"""Locale-aware numbers, shares and moments for pages; CSV and JSON do not use it."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format, get_format
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from evalapp.plots.plot_texts import rounded_share

_SHORT = "SHORT_DATETIME_FORMAT"
# English is read on both sides of an ocean, and 3/4 is another day on each.
_ENGLISH_MOMENT = "Y-m-d H:i"


def number(value: float, digits: int = 0) -> str:
    """1234.5 as `1,234.5`, or `1.234,5` in German; less than nothing with a true minus."""
    return _localise_marks(f"{_no_minus_zero(value, digits):,.{digits}f}")


def signed(value: float, digits: int = 0) -> str:
    """3.4 as `+3.4`, its opposite as `−3.4`."""
    return _localise_marks(f"{_no_minus_zero(value, digits):+,.{digits}f}")


def shortest(value: float) -> str:
    """2.0 as `2`, 0.5 as `0.5`: no digit that says nothing."""
    return _localise_marks(f"{value:g}")


def share(value: float, digits: int = 0) -> str:
    """0.654 as `65%`, or `65 %` where the language puts a space before the sign; 0.999 as `>99%`."""
    mark, percent = rounded_share(value, digits)
    return per_cent(mark + number(percent, digits))


def per_cent(written: str) -> str:
    """A number that is written already, with its sign."""
    return _("{number}%").format(number=written)


def moment(when: datetime) -> str:
    """Day and minute."""
    return date_format(localtime(when), _ENGLISH_MOMENT if (get_language() or "en").startswith("en") else _SHORT)


def _localise_marks(text: str) -> str:
    marks = {",": get_format("THOUSAND_SEPARATOR"), ".": get_format("DECIMAL_SEPARATOR"), "-": "−"}
    return text.translate(str.maketrans(marks))


def _no_minus_zero(value: float, digits: int) -> float:
    # Adding 0 makes a plain 0 of the -0 that a small negative number is rounded to.
    return round(value, digits) + 0.0
