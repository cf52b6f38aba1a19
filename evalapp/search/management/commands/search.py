"""`manage.py search INDEX PHOTO|--item KEY`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalapp.core.domain.errors import InvalidInput
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.plots.plot_texts import ENGLISH
from evalapp.search.domain.lookup_params import USUAL_ANSWERS, LookupParams, corners_of
from evalapp.search.queries.gallery import ATTRIBUTE, COLUMNS
from evalapp.search.queries.lookups import item_of, look_up
from evalapp.search.queries.search_indexes import index_named


class Command(BaseCommand):
    help = "The items nearest to a photo or to an item, from the search service that serve runs."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("index")
        parser.add_argument("photo", nargs="?", help="a file")
        parser.add_argument("--item", help="the key of an item instead")
        parser.add_argument("--box", help="x1,y1,x2,y2 in pixels of the photo")
        parser.add_argument("--suggest", action="store_true", help="say as well where in the photo the thing may be")
        parser.add_argument("--filter", action="append", default=[], metavar="FIELD=VALUE", help="may be repeated")
        parser.add_argument("--metric", default="")
        parser.add_argument("--products", action="store_true", help="one answer of each product")
        parser.add_argument("-k", type=int, default=USUAL_ANSWERS)

    def run(self, **options: Any) -> Any:
        index = index_named(options["index"])
        if bool(options["photo"]) == bool(options["item"]):
            raise InvalidInput("Give a photo, or an item with --item.")
        params = LookupParams(
            index=index.slug,
            kind="photo" if options["photo"] else "item",
            k=options["k"],
            metric=options["metric"],
            filters=_parse_filters(options["filter"]),
            box=corners_of(options["box"]),
            item=item_of(index, options["item"]).pk if options["item"] else None,
            one_per_product=options["products"],
            suggest=options["suggest"],
        )
        result = look_up(index, params, _read_photo(options["photo"]), fall_back=False)
        for answer in result.answers:
            self.say(f"{answer.distance:10.4f}  {answer.item.category:16}  {answer.item.key}")
        for level, guess in (result.guess or {}).items():
            if guess is not None:
                sure = "" if guess["confidence"] is None else f", {ENGLISH.share(guess['confidence'])} sure"
                self.say(f"{level}: {guess['value'] or 'none of these'}{sure}")
        for region in result.regions:
            corners = ",".join(str(corner) for corner in region.box)
            self.say(f"--box {corners}  {region.score:.2f} {region.label} (by {region.by})")
        lines = [
            {"key": one.item.key, "category": one.item.category, "product": one.item.product, "distance": one.distance}
            for one in result.answers
        ]
        regions = [asdict(region) for region in result.regions]
        return {
            "index": index.slug,
            "generation": result.generation,
            "guess": result.guess,
            "regions": regions,
            "answers": lines,
        }


def _read_photo(photo: str | None) -> bytes:
    if not photo:
        return b""
    try:
        return Path(photo).read_bytes()
    except OSError as error:
        raise Failed(f"{photo} cannot be read: {error.strerror}.") from error


def _parse_filters(rules: Sequence[str]) -> dict[str, list[str]]:
    filters: dict[str, list[str]] = {}
    for rule in rules:
        name, equals, value = rule.partition("=")
        if not equals or (name not in COLUMNS and not name.startswith(ATTRIBUTE)):
            raise InvalidInput(f"--filter {rule}: write FIELD=VALUE with {', '.join(COLUMNS)} or attributes.NAME.")
        filters.setdefault(name, []).append(value)
    return filters
