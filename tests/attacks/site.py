"""The site of the attacking process itself, which looks into the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.db import connection

__all__ = ["set_up", "test_database"]


def set_up() -> None:
    """Set Django up, as the tests do. Models can be imported only afterwards."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()


@contextmanager
def test_database() -> Iterator[None]:
    """Create a database with all tables, and drop it after the block."""
    name = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
