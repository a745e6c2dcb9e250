"""The connection of the tests with other options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection

__all__ = ["connected_with"]


@contextmanager
def connected_with(**options: Any) -> Iterator[None]:
    """Connect anew with these ``OPTIONS`` besides, until the end of the block."""
    given = {**connection.settings_dict["OPTIONS"], **options}
    with mock.patch.dict(connection.settings_dict, OPTIONS=given):
        _reconnect()
        yield
    _reconnect()


def _reconnect() -> None:
    connection.close()
    # It is read off the options once.
    connection.features.__dict__.pop("uses_server_side_binding", None)
