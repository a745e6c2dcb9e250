"""Errors of a database driver, as Django raises them."""

from __future__ import annotations

from types import SimpleNamespace

import psycopg
from django.db import Error
from django.db.utils import DatabaseErrorWrapper

__all__ = ["raised_by_django"]


def raised_by_django(error: psycopg.Error) -> Error:
    """Return what Django makes of an error of psycopg, on any database of the tests."""
    driver = SimpleNamespace(Database=psycopg, errors_occurred=False)
    try:
        with DatabaseErrorWrapper(driver):
            raise error
    except Error as raised:
        return raised
