"""Makes tox report an environment whose tests did not run as skipped, not as "OK"."""

from __future__ import annotations

from tox.plugin import impl
from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Skip

NOT_RUN = 75
"""The exit code of pytest if no server answered: see tests/support/mariadb.py."""


@impl
def tox_after_run_commands(tox_env: ToxEnv, exit_code: int, outcomes: list[object]) -> None:
    if exit_code == NOT_RUN:
        raise Skip(
            "ITS TESTS DID NOT RUN: no MariaDB answered. The lines above say what to do."
        )
