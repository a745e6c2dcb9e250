"""The MariaDB of the tests: a server that runs already, since none comes as a wheel.

``MARIADB_URL`` names it. Where nothing is named and none answers at the usual place, the tests
do not run, and say so: by their last lines, and by an exit code that ``toxfile.py`` knows.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import pymysql

USUAL_PLACE = "mysql://root@127.0.0.1:3306/sms_otp"

NOT_RUN = 75
"""EX_TEMPFAIL of sysexits.h."""

PATIENCE = 10


class Refusal(NamedTuple):
    """Why the tests cannot run on MariaDB, and what pytest exits with."""

    text: str
    exit_code: int


def server_url() -> str:
    return os.environ.get("MARIADB_URL") or USUAL_PLACE


def use_driver() -> None:
    """Let Django use PyMySQL: mysqlclient would have to be compiled."""
    pymysql.install_as_MySQLdb()


def refusal(config: dict[str, Any]) -> Refusal | None:
    """Return ``None`` where the server of ``DATABASES["default"]`` lets us in."""
    port = int(config["PORT"] or 3306)
    try:
        pymysql.connect(
            host=config["HOST"],
            port=port,
            user=config["USER"],
            password=config["PASSWORD"],
            connect_timeout=PATIENCE,
            read_timeout=PATIENCE,
        ).close()
    except pymysql.MySQLError as error:
        place = f"{config['HOST']}:{port}"
        return _refusal(f"THE TESTS DID NOT RUN. MariaDB at {place}: {error.args[-1]}")
    return None


def _refusal(text: str) -> Refusal:
    if os.environ.get("MARIADB_URL") or os.environ.get("DATABASE_URL"):
        # Whoever names a server wants the tests to run on it.
        return Refusal(text, exit_code=1)
    advice = (
        "Start one whose user root has no password, or name one whose user may create "
        "databases: MARIADB_URL=mysql://user:password@host:3306/sms_otp"
    )
    return Refusal(f"{text}\n{advice}", exit_code=NOT_RUN)
