"""Let people log in and print what they met: ``python -m benchmarks.load``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.site import set_up, test_database


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--users", type=int, default=20, help="people at a time; default: 20")
    parser.add_argument("--seconds", type=int, default=60, help="default: 60")
    parser.add_argument(
        "--pause", type=float, default=1, help="seconds to read and type, about; default: 1"
    )
    parser.add_argument("--workers", type=int, default=2, help="of the site; default: 2")
    return parser


def main() -> int:
    args = parser().parse_args()
    set_up()
    # Needs the settings.
    from .run import Load, run

    load = Load(**vars(args), cooldown=30)
    with test_database(), TemporaryDirectory(prefix="sms-otp-load-") as folder:
        result = run(load, Path(folder))
    sys.stdout.write(result.printed)
    if result.is_right:
        return 0
    sys.stderr.write(f"{result.log}\nAn unexpected answer, or nobody logged in.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
