from __future__ import annotations

from benchmarks.sites.common import *  # noqa: F403
from benchmarks.sites.common import INSTALLED_APPS

INSTALLED_APPS += ["benchmarks.sites.bare"]
ROOT_URLCONF = "benchmarks.sites.bare.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
