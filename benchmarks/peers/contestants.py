"""The contestants, and the packages that each needs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from ..processes import ROOT

__all__ = ["BARE", "CONTESTANTS", "OWN", "Entry", "title"]

BARE, OWN = "bare", "own"

COMMON = ("Django~=5.2.0", "psycopg[binary]>=3.2", "gunicorn>=23.0")
REST = ("djangorestframework>=3.16", "djangorestframework-simplejwt>=5.5.1")


@dataclass(frozen=True, slots=True)
class Entry:
    """
    :param name: the folder of its site in :mod:`benchmarks.sites`.
    :param title: its name in the tables.
    :param needs: the packages to install besides :data:`COMMON`.
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
    Entry("passwordless", "drfpasswordless 1.5.9", (*REST, "drfpasswordless==1.5.9")),
    Entry("phone_verify", "django-phone-verify 3.3.0", (*REST, "django-phone-verify==3.3.0")),
    Entry("allauth", "django-allauth 65.21.0", ("django-allauth[headless]==65.21.0",)),
)


def title(name: str) -> str:
    return next(each.title for each in CONTESTANTS if each.name == name)
