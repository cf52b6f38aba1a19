"""A key says what a vector was computed from, and nothing else changes it."""

from __future__ import annotations

import hashlib

import pytest

from models_registry.store import KEY_BYTES, content_key, key_for_item

PICTURE = hashlib.sha256(b"a picture").hexdigest()
OTHER = hashlib.sha256(b"another").hexdigest()


def test_picture_and_box_make_the_key() -> None:
    keys = [
        content_key(PICTURE, None),
        content_key(OTHER, None),
        content_key(PICTURE, (0, 0, 10, 10)),
        content_key(PICTURE, (0, 0, 101, 0)),
        key_for_item(PICTURE),
    ]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {KEY_BYTES}
    assert content_key(PICTURE, (0, 0, 10, 10)) == keys[2]


def test_keys_stay_what_they_are_between_versions() -> None:
    assert content_key("0" * 64, None).hex() == hashlib.sha256(b"picture\n" + b"0" * 64 + b"\nwhole").hexdigest()
    assert content_key("0" * 64, (1, 2, 3, 4)) == hashlib.sha256(b"picture\n" + b"0" * 64 + b"\n1,2,3,4").digest()
    assert key_for_item("é/1.jpg") == hashlib.sha256("item\né/1.jpg".encode()).digest()


@pytest.mark.parametrize("name", ["", "abc", PICTURE.upper(), f"{PICTURE}\n", f"../{PICTURE}"])
def test_a_picture_is_named_by_its_hash_only(name: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case hex digits"):
        content_key(name, None)
