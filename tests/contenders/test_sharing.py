"""An S3-compatible storage, played by a small server: pictures in it, and vectors shared through it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import numpy as np
import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from moto.server import ThreadedMotoServer

from evalapp.catalog.domain.content_files import is_stored, write_once
from evalapp.catalog.services.renditions import picture_url
from evalapp.config.storage import default_storage as storage_of
from evalapp.contenders.domain import remote_shards
from models_registry.store import TapStore, VectorStore, key_for_item
from models_registry.store.shards import remove_abandoned

KEYS = [key_for_item(str(number)) for number in range(4)]
ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    s3 = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    yield f"{host}:{port}"
    s3.stop()


@pytest.fixture
def bucket(server: str, settings: LazySettings, tmp_path: Path) -> str:
    """An empty bucket that is the default storage."""
    name = tmp_path.name.replace("_", "-").lower().strip("-")
    client = boto3.client(
        "s3", endpoint_url=f"http://{server}", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    client.create_bucket(Bucket=name)
    url = f"s3://k:s@{server}/{name}?tls=false"
    settings.STORAGES = {**settings.STORAGES, "default": storage_of(url, tmp_path)}
    assert storages["default"].bucket_name == name
    return name


def _tap(settings: LazySettings) -> TapStore:
    return VectorStore(Path(settings.EMBEDDINGS_DIR)).tap_store("a" * 64, "fc6")


def test_pictures_are_written_once_and_read(bucket: str) -> None:
    write_once("originals/ab/abc", b"picture")
    write_once("originals/ab/abc", b"picture")
    assert default_storage.open("originals/ab/abc").read() == b"picture"
    assert is_stored("originals/ab/abc")
    assert not is_stored("originals/ab/other")


def test_vectors_made_on_one_machine_are_found_on_another(bucket: str, settings: LazySettings) -> None:
    shard = _tap(settings).write(KEYS, ROWS)
    assert shard is not None
    remote_shards.offer_shard(shard)
    shutil.rmtree(settings.EMBEDDINGS_DIR)  # another machine

    tap = _tap(settings)
    remote_shards.fetch_shards(tap)

    assert tap.missing(KEYS) == []
    np.testing.assert_array_equal(tap.reader(KEYS).rows(0, 4), ROWS)
    assert tap.verify() == []


def test_a_shard_that_is_not_whole_yet_is_not_fetched_and_one_that_is_spoilt_is_refused(
    bucket: str, settings: LazySettings
) -> None:
    shard = _tap(settings).write(KEYS, ROWS)
    assert shard is not None
    remote_shards.offer_shard(shard)
    there = f"embeddings/{shard.relative_to(settings.EMBEDDINGS_DIR).as_posix()}"
    facts = default_storage.open(f"{there}/shard.json").read()
    default_storage.delete(f"{there}/shard.json")
    shutil.rmtree(settings.EMBEDDINGS_DIR)
    tap = _tap(settings)
    remote_shards.fetch_shards(tap)
    assert tap.missing(KEYS) == KEYS

    default_storage.save(f"{there}/shard.json", ContentFile(facts))
    default_storage.save(f"{there}/keys.bin", ContentFile(b"x" * 128))
    with pytest.raises(Exception, match=r"keys\.bin is not what was written"):
        remote_shards.fetch_shards(tap)
    assert tap.missing(KEYS) == KEYS


def test_two_workers_of_one_machine_fetch_the_same_shard_at_once(
    bucket: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = _tap(settings).write(KEYS, ROWS)
    assert shard is not None
    remote_shards.offer_shard(shard)
    shutil.rmtree(settings.EMBEDDINGS_DIR)
    tap = _tap(settings)
    verify = remote_shards.verify_shard
    drafts: list[Path] = []

    def verify_while_another_fetches(draft: Path) -> None:
        drafts.append(draft)
        if len(drafts) == 1:
            remote_shards.fetch_shards(tap)
            assert tap.missing(KEYS) == []
        verify(draft)

    monkeypatch.setattr(remote_shards, "verify_shard", verify_while_another_fetches)
    remote_shards.fetch_shards(tap)

    assert len(set(drafts)) == 2
    np.testing.assert_array_equal(tap.reader(KEYS).rows(0, 4), ROWS)
    assert [path for path in tap.path.iterdir() if path.name.startswith(".")] == []


def test_a_slow_fetch_is_not_cleared_away_as_abandoned(
    bucket: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = _tap(settings).write(KEYS, ROWS)
    assert shard is not None
    remote_shards.offer_shard(shard)
    shutil.rmtree(settings.EMBEDDINGS_DIR)
    tap = _tap(settings)
    verify = remote_shards.verify_shard

    def verify_after_an_hour(draft: Path) -> None:
        os.utime(draft, (0, 0))
        remove_abandoned(tap.path)
        verify(draft)

    monkeypatch.setattr(remote_shards, "verify_shard", verify_after_an_hour)
    remote_shards.fetch_shards(tap)
    assert tap.missing(KEYS) == []


def test_a_withdrawn_shard_is_fetched_by_nobody(bucket: str, settings: LazySettings) -> None:
    shard = _tap(settings).write(KEYS, ROWS)
    assert shard is not None
    remote_shards.offer_shard(shard)
    remote_shards.withdraw_shard(shard)
    shutil.rmtree(settings.EMBEDDINGS_DIR)
    tap = _tap(settings)
    remote_shards.fetch_shards(tap)
    assert tap.missing(KEYS) == KEYS


def test_a_folder_is_shared_by_itself(settings: LazySettings) -> None:
    assert not remote_shards.is_shared()
    shard = _tap(settings).write(KEYS, ROWS)
    assert shard is not None
    remote_shards.offer_shard(shard)
    remote_shards.fetch_shards(_tap(settings))
    assert not (Path(settings.MEDIA_ROOT) / "embeddings").exists()


def test_pictures_are_shown_from_where_the_operator_says(settings: LazySettings) -> None:
    assert picture_url("abc") == "/picture/abc.webp" or picture_url("abc").startswith("/")
    settings.MEDIA_URL_BASE = "https://pictures.example.org"
    assert picture_url("abc") == "https://pictures.example.org/renditions/abc.webp"
    assert picture_url("abc", scale=2) == "https://pictures.example.org/renditions/abc@2x.webp"
    assert picture_url("abc", kind="jpg") == "https://pictures.example.org/renditions/abc.jpg"
