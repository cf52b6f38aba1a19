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
from evalapp.search.queries.photo_tags import exported_tag, propose_products, tags_of
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
        decisions = parser.add_mutually_exclusive_group()
        for decision in services.DECISIONS:
            decisions.add_argument(f"--{decision}", metavar="PRODUCT")

        decisions.add_argument("--forget", action="store_true", help="the photo and all that was said of it")

    def run(self, **options: Any) -> Any:
        if bool(options["photo"]) == bool(options["item"]):
            raise InvalidInput("Give a photo, or an item with --item.")
        photo = _photo_to_tag(options)
        if options["forget"]:
            name = photo.name
            services.forget_photo(photo)
            self.say(f"{name} is forgotten.")
            return {"photo": name, "forgotten": True}
        box = corners_of(options["box"])
        decision = next((name for name in services.DECISIONS if options[name]), None)
        if decision is None:
            return self._show_proposals(photo, box, options["index"])
        index = index_of_catalogue(options["catalogue"], options["index"], every=True) if options["index"] else None
        services.decide_tag(photo, box, options[decision], decision, index=index)
        tags = [exported_tag(tag) for tag in tags_of(photo.catalogue).filter(photo=photo)]
        for tag in tags:
            corners = ",".join(str(tag[side]) for side in ("x1", "y1", "x2", "y2"))
            self.say(f"{tag['decision']:10} {corners:24} {tag['product']}")
        return {"photo": photo.name, "id": photo.pk, "tags": tags}

    def _show_proposals(self, photo: TaggedPhoto, box: tuple[int, int, int, int] | None, index: str) -> Any:
        proposed = propose_products(photo, box, index)
        for proposal in proposed.products:
            sure = "" if proposal.confidence is None else f"{ENGLISH.share(proposal.confidence)} sure"
            distance = f"{proposal.answer.distance:8.4f}"
            self.say(f"{proposal.rank:3}  {distance}  {proposal.product:40} {sure:10} {proposal.decision}")
        for region in proposed.regions:
            self.say(f"--box {','.join(map(str, region.box))}  {region.score:.2f} {region.label} (by {region.by})")
        lines = [
            {"rank": proposal.rank, "product": proposal.product, "key": proposal.answer.item.key,
             "distance": proposal.answer.distance, "confidence": proposal.confidence, "decision": proposal.decision}
            for proposal in proposed.products
        ]  # fmt: skip
        document = {"photo": photo.name, "id": photo.pk, "index": proposed.index.slug, "box": list(proposed.box)}
        return {**document, "proposals": lines, "regions": [asdict(region) for region in proposed.regions]}


def _photo_to_tag(options: dict[str, Any]) -> TaggedPhoto:
    catalogue, domain = catalogue_named(options["catalogue"]), options["domain"]
    if options["item"]:
        return services.take_photo(catalogue, options["item"], domain=domain)
    try:
        data = Path(options["photo"]).read_bytes()
    except OSError as error:
        raise Failed(f"{options['photo']} cannot be read: {error.strerror}.") from error
    return services.bring_photo(catalogue, data, domain=domain or services.USUAL_DOMAIN)
