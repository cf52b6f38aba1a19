"""What the search page says while it runs, in the visitor's language; the page's script fills in the braces."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

Words = dict[str, str | tuple[str, str]]


def search_words() -> Words:
    """Texts by the keys that the script uses; two forms where a text counts something."""
    return {
        "reading": _("Looking at your photo …"),
        "searching": _("Searching …"),
        "unreadable": _("This file cannot be read as a picture. Try a JPEG or PNG."),
        "offline": _("You seem to be offline. Try again once you are connected."),
        "failed": _("That did not work. Try again in a moment."),
        "found": (
            ngettext("{count} thing found.", "{count} things found.", 1),
            ngettext("{count} thing found.", "{count} things found.", 2),
        ),
        "guess": _("It looks like: {name}."),
        "guess.sure": _("It looks like: {name} ({percent} sure)."),
        "guess.none": _("It looks like nothing that is here."),
        "answer": _("Answer {rank}"),
        "like": _("More like this: {name}"),
        "this": _("this one"),
        "said.dope": _("Dope."),
        "said.nope": _("Nope."),
        "said.undone": _("Taken back."),
        "box.whole": _("The whole picture is searched with."),
        "box": _("Box: left {left}, top {top}, width {width}, height {height}."),
        "region": _("Just this part"),
        "region.numbered": _("Part {number}"),
        "column.category": _("Kind"),
        "column.domain": _("Where from"),
        "error.failed": _("That did not work. Try again in a moment."),
        "error.invalid": _("That did not work. Try another photo."),
        "error.not_found": _("This search is closed. Load the page again."),
        "error.not_a_picture": _("This file cannot be read as a picture. Try a JPEG or PNG."),
        "error.too_large": _("This picture is too large. Try a smaller one."),
        "error.too_many_requests": _("Too many searches came from your network. Please try again in a minute."),
        "error.not_ready": _("Search takes a break just now. Try again in a moment."),
        "error.overloaded": _("Many people are searching just now. Try again in a moment."),
    }


def handle_words() -> list[tuple[str, str]]:
    """The handles of the box, by the edges that they move."""
    return [
        ("nw", _("Upper left corner of the box")),
        ("n", _("Upper edge of the box")),
        ("ne", _("Upper right corner of the box")),
        ("e", _("Right edge of the box")),
        ("se", _("Lower right corner of the box")),
        ("s", _("Lower edge of the box")),
        ("sw", _("Lower left corner of the box")),
        ("w", _("Left edge of the box")),
    ]
