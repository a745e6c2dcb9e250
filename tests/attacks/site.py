"""The site that the measuring process itself belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.db import connection

__all__ = ["set_up", "test_database"]


def set_up() -> None:
    """Set Django up, as the tests do. Not before can models be imported."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()


@contextmanager
def test_database() -> Iterator[None]:
    """Have a database, with all tables, for as long as the block runs."""
    name = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
