"""Who is compared, and what each needs to be installed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ASIDE", "BARE", "CONTESTANTS", "OWN", "PEERS", "ROOT", "Entry", "title"]

ROOT = Path(__file__).parents[2]
"""Of the project: its code is what runs, whatever is installed."""

BARE, OWN = "bare", "own"
STATEMENTS = "statements"
"""What the app asks of the database, and nothing else of it."""

UNPLANNED = "unplanned"
"""The app where PostgreSQL keeps no plans."""

ASIDE = (UNPLANNED, STATEMENTS)
"""No contestants of their own: their tables are this app's."""

COMMON = ("Django~=5.2.0", "psycopg[binary]>=3.2", "gunicorn>=23.0")
REST = ("djangorestframework>=3.16", "djangorestframework-simplejwt>=5.5.1")


@dataclass(frozen=True, slots=True)
class Entry:
    """
    :param name: the folder of its site in :mod:`benchmarks.peers.sites`.
    :param title: what tables call it.
    :param needs: what pip is to install besides :data:`COMMON`.
    """

    name: str
    title: str
    needs: tuple[str, ...]

    @property
    def requirements(self) -> tuple[str, ...]:
        return (*COMMON, *self.needs)


def _own_dependencies() -> tuple[str, ...]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return tuple(project["dependencies"])


CONTESTANTS = (
    Entry(BARE, "bare app", REST),
    Entry(OWN, "django-sms-otp", _own_dependencies()),
    Entry(UNPLANNED, "the same without kept plans", _own_dependencies()),
    Entry(STATEMENTS, "its statements alone", _own_dependencies()),
    Entry("passwordless", "drfpasswordless 1.5.9", (*REST, "drfpasswordless==1.5.9")),
    Entry("phone_verify", "django-phone-verify 3.3.0", (*REST, "django-phone-verify==3.3.0")),
    Entry("allauth", "django-allauth 65.21.0", ("django-allauth[headless]==65.21.0",)),
)

PEERS = [each.name for each in CONTESTANTS if each.name not in (BARE, OWN, *ASIDE)]


def title(name: str) -> str:
    return next(each.title for each in CONTESTANTS if each.name == name)
