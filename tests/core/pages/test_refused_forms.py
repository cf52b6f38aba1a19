"""What a service refuses stands at the field that it names: in the summary, at the field, and for screen readers."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from django import forms
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from evalapp.catalog.models import Catalogue
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.pages.form_jobs import refuse
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def _own_uploads(settings: LazySettings, tmp_path: Path) -> None:
    settings.UPLOADS_DIR = tmp_path / "uploads"


class Marks(HTMLParser):
    """The attributes of every element with an id, and of every link into the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.by_id: dict[str, dict[str, str | None]] = {}
        self.leads_to: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        marks = dict(attrs)
        if "id" in marks:
            self.by_id[str(marks["id"])] = marks
        if tag == "a" and str(marks.get("href")).startswith("#id_"):
            self.leads_to.append(str(marks["href"])[1:])


def file(name: str, content: bytes = b"nothing") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


@pytest.mark.parametrize(
    ("address", "words", "at_fault"),
    [
        ("start/", {"file": file("a.zip"), "encoders": ["colours"]}, "file"),
        ("start/", {"encoders": ["colours"]}, "file"),
        ("start/", {"path": "x", "encoders": ["colours"]}, "path"),
        ("start/", {"catalogue": "shop"}, "network"),
        ("start/", {"catalogue": "shop", "network": file("net.exe")}, "network"),
        ("start/", {"catalogue": "shop", "network": file("net.safetensors")}, "source"),
        ("start/", {"catalogue": "shop", "source": "onnx:/etc/passwd"}, "source"),
        ("catalogue-new/", {"name": "Shop", "file": file("a.zip")}, "file"),
        ("catalogue-new/", {"name": "Shop", "file": file("a.zip", b"")}, "file"),
        ("catalogue-new/", {"name": "Shop", "file": file("a.zip"), "mapping": "category"}, "mapping"),
        ("catalogue-new/", {"name": "Shop", "file": file("a.zip"), "mapping": "nonsense=x"}, "mapping"),
        ("catalogue-new/", {"name": "Shop", "slug": "shop", "file": file("a.zip")}, "slug"),
        ("catalogues/shop/import/", {"format": ""}, "file"),
        ("model-new/", {"name": "new one", "file": file("net.onnx")}, "name"),
        ("model-new/", {"name": "new", "file": file("net.exe")}, "file"),
        ("model-new/", {"name": "new", "file": file("net.onnx"), "source": "vgg16.imagenet"}, "source"),
        ("region-new/", {"name": "new", "kind": "locator", "file": file("net.zip")}, "file"),
        ("training/labels/", {"name": "new", "settings": "epochs"}, "bases"),
    ],
)
def test_every_fault_stands_at_its_field(
    admin_client: Client, address: str, words: dict[str, object], at_fault: str
) -> None:
    cast.wardrobe("shop")
    for sent in words.values():
        if isinstance(sent, SimpleUploadedFile):
            sent.seek(0)
    answer = admin_client.post(f"/lab/{address}", words)
    assert answer.status_code == 400, answer.content.decode()[:300]
    marks = Marks(answer.content.decode())
    assert any(target.startswith(f"id_{at_fault}") for target in marks.leads_to)
    for target in marks.leads_to:
        assert target in marks.by_id
    described = f"id_{at_fault}_error"
    assert described in marks.by_id
    field = marks.by_id.get(f"id_{at_fault}")
    if field and "name" in field:
        assert field["aria-invalid"] == "true"
        assert described in str(field["aria-describedby"]).split()
        assert all(name in marks.by_id for name in str(field["aria-describedby"]).split())
    assert Catalogue.objects.count() == 1


def test_the_first_field_bears_the_sentence_and_others_their_own_words() -> None:
    class Form(forms.Form):
        name = forms.CharField(required=False)
        slug = forms.CharField(required=False)

    form = Form({})
    refuse(
        form, InvalidInput("Say which.", fields={"elsewhere": ["x"], "slug": ["Empty."], "name": ["Taken.", "Long."]})
    )
    assert form.errors == {"slug": ["Say which."], "name": ["Taken.", "Long."]}
    whole = Form({})
    refuse(whole, InvalidInput("Not now.", fields={"elsewhere": ["x"]}))
    assert whole.errors == {"__all__": ["Not now."]}
