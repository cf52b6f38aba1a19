"""Catalogues made, renamed, put away and deleted."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.domain.values.slugs import check_slug, first_free, slug_from
from evalapp.core.domain.values.storable_texts import check_text
from evalapp.core.services.deeds import recorded
from evalapp.core.services.dependents import Dependent, delete_row, dependents_of

LONGEST_NAME = 200


@recorded("created", "catalogue {slug}", "{name}")
def create_catalogue(*, name: str, slug: str = "") -> Catalogue:
    """An empty catalogue; its name in addresses is made from what people call it where none is given.

    Raises InvalidInput for names that are off, Conflict where the slug is taken.
    """
    name = name.strip()
    if not name and not slug:
        raise InvalidInput("Say what the catalogue is called.", fields={"name": ["It is empty."]})
    check_text("name", name, LONGEST_NAME)
    if slug:
        check_slug(slug)
    try:
        with transaction.atomic():
            return Catalogue.objects.create(slug=slug or free_slug(name), name=name)
    except IntegrityError as error:
        message = f"There is a catalogue {slug} already; choose another name."
        raise Conflict(message, fields={"slug": [message]}) from error


@recorded("renamed", "catalogue {catalogue}", "{name}")
def rename_catalogue(catalogue: Catalogue, name: str) -> None:
    """Other words for people; its name in addresses stays. Raises InvalidInput."""
    check_text("name", name.strip(), LONGEST_NAME)
    catalogue.name = name.strip()
    catalogue.save(update_fields=["name"])


@recorded("put away", "catalogue {catalogue}", "{archived}")
def archive_catalogue(catalogue: Catalogue, *, archived: bool = True) -> None:
    """Offer it no more, or again; studies and searches of it go on."""
    catalogue.archived_at = timezone.now() if archived else None
    catalogue.save(update_fields=["archived_at"])


def needed_by(catalogue: Catalogue) -> list[Dependent]:
    """What stands on the catalogue: what holds it, and what would go with it."""
    return dependents_of(catalogue)


@recorded("deleted", "catalogue {catalogue}")
def delete_catalogue(catalogue: Catalogue) -> None:
    """Delete a catalogue that no study needs, with its items and flags. Raises Conflict.

    Files of pictures stay for other catalogues that show the same bytes; `withdraw_pictures` takes files down.
    """
    delete_row(catalogue)


def free_slug(name: str) -> str:
    """A name for addresses made from words: small letters, digits and dashes, with a number where it is taken."""
    stem = slug_from(name, "catalogue")
    return first_free(stem, set(Catalogue.objects.filter(slug__startswith=stem).values_list("slug", flat=True)))
