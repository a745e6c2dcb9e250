"""``check --deploy`` looks at rows too."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def database(db: None) -> None:
    """Let every check read the database."""
