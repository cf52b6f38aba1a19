"""The double of a Milvus cluster: the server of Milvus Lite in this process, spoken to over gRPC on loopback."""

from __future__ import annotations

import atexit
import tempfile
from functools import lru_cache

import pytest


def milvus_url() -> str:
    """Where the server listens; skips the test where the two packages are not installed."""
    pytest.importorskip("pymilvus", reason="pymilvus, which is optional, is not installed")
    pytest.importorskip("milvus_lite", reason="milvus-lite, the server to test against, is not installed")
    return _served()


@lru_cache(maxsize=1)
def _served() -> str:
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    folder = tempfile.TemporaryDirectory()
    server, database, port = start_server_in_thread(data_dir=folder.name, host="127.0.0.1", port=0)

    def stop() -> None:
        server.stop(grace=0)
        database.close()
        folder.cleanup()

    atexit.register(stop)
    return f"http://127.0.0.1:{port}"
