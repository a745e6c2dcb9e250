"""The site whose cost is measured; benchmarks/sizing/sites.py sets the variables."""

from __future__ import annotations

import os

from tests.server_settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as APPS

# What the site adds is not the app's cost: here, a row for each token.
INSTALLED_APPS = [name for name in APPS if not name.endswith("token_blacklist")]

if "SIZING_VALKEY" in os.environ:
    CACHES = {
        "limits": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["SIZING_VALKEY"],
        }
    }
