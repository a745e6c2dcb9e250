"""Has tox say at its end what was not tested, and skip MariaDB if nobody has named one."""

from __future__ import annotations

import atexit
import os
import sys

from tox.plugin import impl
from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Skip

ALL = "MARIADB_URL=mysql://user:password@127.0.0.1:3306/sms_otp tox run -m all"

not_tested: list[str] = []


@impl
def tox_before_run_commands(tox_env: ToxEnv) -> None:
    options, name = tox_env.options, tox_env.conf.name
    if "mariadb" in name and not os.environ.get("MARIADB_URL"):
        leave_out(name)
        raise Skip("MARIADB_URL names no server")
    if not (options.labels or options.factors or list(options.env)):
        leave_out("tests that start servers or wait")
        leave_out("the pages in a browser")
        leave_out("MariaDB, and other Pythons and Djangos than those of this run")


def leave_out(what: str) -> None:
    if not not_tested:
        atexit.register(say_what_was_not_tested)
    if what not in not_tested:
        not_tested.append(what)


def say_what_was_not_tested() -> None:
    sys.stdout.write(f"\nNOT TESTED: {', '.join(not_tested)}.\nAll of it: {ALL}\n")
