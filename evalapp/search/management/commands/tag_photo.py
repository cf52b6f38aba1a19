"""`manage.py tag_photo CATALOGUE PHOTO|--item KEY [--box …] [--confirm|--reject|--undo PRODUCT]`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.plots.plot_texts import ENGLISH
from evalapp.search.domain.lookup_params import corners_of
from evalapp.search.models import TaggedPhoto
from evalapp.search.queries.photo_tags import exported_tag, proposals, tags_of
from evalapp.search.queries.search_indexes import index_of_catalogue
from evalapp.search.services import photo_tags as services


class Command(BaseCommand):
    help = "Which products a photo shows: proposed by an index, confirmed or rejected by you, learnt from by training."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("photo", nargs="?", help="a file; its pixels are stored, nothing else of it")
        parser.add_argument("--item", help="the key of an item instead")
        parser.add_argument("--box", help="x1,y1,x2,y2 in pixels of the photo; all of it if left out")
        parser.add_argument("--index", default="", help="proposes; the newest that serves if left out")
        parser.add_argument("--domain", default="", help="of the items that confirmed tags are; street if left out")
        said = parser.add_mutually_exclusive_group()
        for decision in services.DECISIONS:
            said.add_argument(f"--{decision}", metavar="PRODUCT")

        said.add_argument("--forget", action="store_true", help="the photo and all that was said of it")

    def run(self, **options: Any) -> Any:
        if bool(options["photo"]) == bool(options["item"]):
            raise InvalidInput("Give a photo, or an item with --item.")
        photo = _photo(options)
        if options["forget"]:
            name = photo.name
            services.forget_photo(photo)
            self.say(f"{name} is forgotten.")
            return {"photo": name, "forgotten": True}
        box = corners_of(options["box"])
        decision = next((name for name in services.DECISIONS if options[name]), None)
        if decision is None:
            return self._proposed(photo, box, options["index"])
        index = index_of_catalogue(options["catalogue"], options["index"], every=True) if options["index"] else None
        services.decide_tag(photo, box, options[decision], decision, index=index)
        tags = [exported_tag(tag) for tag in tags_of(photo.catalogue).filter(photo=photo)]
        for tag in tags:
            corners = ",".join(str(tag[side]) for side in ("x1", "y1", "x2", "y2"))
            self.say(f"{tag['decision']:10} {corners:24} {tag['product']}")
        return {"photo": photo.name, "id": photo.pk, "tags": tags}

    def _proposed(self, photo: TaggedPhoto, box: tuple[int, int, int, int] | None, index: str) -> Any:
        found = proposals(photo, box, index)
        for one in found.products:
            sure = "" if one.confidence is None else f"{ENGLISH.share(one.confidence)} sure"
            self.say(f"{one.rank:3}  {one.answer.distance:8.4f}  {one.product:40} {sure:10} {one.decision}")
        for region in found.regions:
            self.say(f"--box {','.join(map(str, region.box))}  {region.score:.2f} {region.label} (by {region.by})")
        lines = [
            {"rank": one.rank, "product": one.product, "key": one.answer.item.key, "distance": one.answer.distance,
             "confidence": one.confidence, "decision": one.decision}
            for one in found.products
        ]  # fmt: skip
        told = {"photo": photo.name, "id": photo.pk, "index": found.index.slug, "box": list(found.box)}
        return {**told, "proposals": lines, "regions": [asdict(region) for region in found.regions]}


def _photo(options: dict[str, Any]) -> TaggedPhoto:
    catalogue, domain = catalogue_named(options["catalogue"]), options["domain"]
    if options["item"]:
        return services.take_photo(catalogue, options["item"], domain=domain)
    try:
        data = Path(options["photo"]).read_bytes()
    except OSError as error:
        raise Failed(f"{options['photo']} cannot be read: {error.strerror}.") from error
    return services.bring_photo(catalogue, data, domain=domain or services.USUAL_DOMAIN)
