"""The MariaDB of the tests: a server that runs already, since none comes as a wheel.

``MARIADB_URL`` names it. No server is tried that nobody has named.
"""

from __future__ import annotations

import os
from typing import Any

import pymysql

PATIENCE = 10


def server_url() -> str:
    url = os.environ.get("MARIADB_URL")
    if not url:
        raise ValueError(
            "TEST_DATABASE is mariadb, and MARIADB_URL names no server whose user may create "
            "databases: MARIADB_URL=mysql://user:password@host:3306/sms_otp"
        )
    return url


def use_driver() -> None:
    """Let Django use PyMySQL: mysqlclient would have to be compiled."""
    pymysql.install_as_MySQLdb()


def refusal(config: dict[str, Any]) -> str:
    """Return why the server of ``DATABASES["default"]`` lets nobody in; empty: it does."""
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
        return f"THE TESTS DID NOT RUN. MariaDB at {config['HOST']}:{port}: {error.args[-1]}"
    return ""
