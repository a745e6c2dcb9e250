"""The options of connections that the pages name: the drivers take them."""

from __future__ import annotations

import ast
import re

import pytest
from django.db import connection

from ..docs import pages
from ..support.connection_options import connected_with

OPTIONS = re.compile(r"\{\"\w+\": [^{}]*\}")
NAMES = {"postgresql": "PostgreSQL", "mysql": "MySQL and MariaDB"}


def documented(page: str, before: str) -> list[str]:
    """Return the options in the lines of a page that begin so."""
    lines = [line for line in pages.prose(pages.page(page)) if line.startswith(before)]
    return [found for line in lines for found in OPTIONS.findall(line)]


@pytest.mark.django_db(transaction=True)
def test_time_outs_and_plans_are_options_of_the_driver() -> None:
    if connection.vendor not in NAMES:
        pytest.skip("SQLite has no server to wait for.")
    [found] = documented("operations.md", f"- {NAMES[connection.vendor]}: ")
    options = ast.literal_eval(found)
    if connection.vendor == "postgresql":
        [plans] = documented("performance.md", '`"OPTIONS": ')
        options |= ast.literal_eval(plans)
    with connected_with(**options), connection.cursor() as cursor:
        cursor.execute("SELECT %s", [1])
        assert cursor.fetchone() == (1,)
