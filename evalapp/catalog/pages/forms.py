"""What operators type and send to bring pictures."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from evalapp.catalog.domain.importers import IMPORTERS
from evalapp.catalog.models import Catalogue, CatalogueImport
from evalapp.catalog.services.catalogues import create_catalogue
from evalapp.catalog.services.imports import mapping_from_text, request_import


class ImportForm(forms.Form):
    """A zip, or a path below `IMPORT_ROOT`, into a catalogue that is there or a new one."""

    name = forms.CharField(
        max_length=200, label="What people call the catalogue", widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    file = forms.FileField(required=False, label="Pictures, as a zip or a folder")
    path = forms.CharField(required=False, max_length=1000, label="Or a folder of the server")
    slug = forms.SlugField(
        required=False, max_length=80, label="Name in addresses", help_text="Empty: made from its name."
    )
    format = forms.ChoiceField(required=False, label="Format")
    mapping = forms.CharField(
        required=False,
        max_length=2000,
        label="Columns",
        help_text="FIELD=COLUMN, such as category=class product=id; a column that bears a field’s name needs none.",
    )
    flag_misleading = forms.BooleanField(
        required=False, label="Flag what the data set itself calls a back view or a close-up"
    )

    def __init__(self, *args: Any, catalogue: Catalogue | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.catalogue = catalogue
        if catalogue is not None:
            del self.fields["name"], self.fields["slug"]
        if not settings.IMPORT_ROOT:
            del self.fields["path"]
        else:
            self.fields["path"].help_text = f"Below {settings.IMPORT_ROOT}."
        kind = self.fields["format"]
        if isinstance(kind, forms.ChoiceField):
            kind.choices = [("", "found out: a table of pictures if there is one, else folders as categories")] + [
                (name, name) for name in sorted(IMPORTERS)
            ]

    @property
    def more(self) -> list[forms.BoundField]:
        """What few people need."""
        return [self[name] for name in self.fields if name not in {"name", "file"}]

    def begin(self) -> CatalogueImport:
        """The import with its job; only after `is_valid`. Raises Problem."""
        cleaned = self.cleaned_data
        mapping = mapping_from_text(cleaned["mapping"])
        is_new = self.catalogue is None
        catalogue = self.catalogue or create_catalogue(name=cleaned["name"], slug=cleaned["slug"])
        try:
            return request_import(
                catalogue,
                upload=cleaned["file"],
                path=cleaned.get("path", ""),
                format_name=cleaned["format"],
                mapping=mapping,
                flag_misleading=cleaned["flag_misleading"],
            )
        except Exception:
            if is_new:
                # Nothing came of it: the name is free for the next try.
                catalogue.delete()
            raise
