"""A plug-in of tox: an environment whose tests did not run is skipped, and not "OK"."""

from __future__ import annotations

from tox.plugin import impl
from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Skip

NOT_RUN = 75
"""What pytest exits with where it found no server: see tests/support/mariadb.py."""


@impl
def tox_after_run_commands(tox_env: ToxEnv, exit_code: int, outcomes: list[object]) -> None:
    if exit_code == NOT_RUN:
        raise Skip("ITS TESTS DID NOT RUN: no MariaDB answered. What to do is said above.")
