from __future__ import annotations

from benchmarks.peers.sites.common import *  # noqa: F403
from benchmarks.peers.sites.common import INSTALLED_APPS

INSTALLED_APPS += ["benchmarks.peers.sites.bare"]
ROOT_URLCONF = "benchmarks.peers.sites.bare.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
