from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from evalapp.config.storage import default_storage, origin_of


def test_nothing_set_is_a_folder(tmp_path: Path) -> None:
    assert default_storage(None, tmp_path)["OPTIONS"] == {"location": tmp_path}


def test_an_address_names_a_bucket() -> None:
    options = default_storage("s3://key:se%2Fcret@s3.example.org:9000/don?region=eu-1&tls=false", Path())["OPTIONS"]
    assert options["endpoint_url"] == "http://s3.example.org:9000"
    assert (options["bucket_name"], options["region_name"]) == ("don", "eu-1")
    assert (options["access_key"], options["secret_key"]) == ("key", "se/cret")
    assert default_storage("s3://s3.example.org/don", Path())["OPTIONS"]["access_key"] is None


@pytest.mark.parametrize("url", ["http://host/bucket", "s3:///bucket", "s3://host", "s3://host/a/b", "s3://h/b?x=1"])
def test_what_is_no_such_address_is_refused_with_the_right_form(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="s3://KEY:SECRET@HOST"):
        default_storage(url, Path())


def test_only_the_origin_of_pictures_enters_the_security_policy() -> None:
    assert origin_of("https://cdn.example.org/don/media") == "https://cdn.example.org"
    with pytest.raises(ImproperlyConfigured):
        origin_of("cdn.example.org")
