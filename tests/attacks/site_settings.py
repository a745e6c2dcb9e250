"""A site without apps that add statements of their own to a login."""

from __future__ import annotations

from tests.support.server_settings import *  # noqa: F403
from tests.support.server_settings import INSTALLED_APPS

# simplejwt looks for it at import, so this site needs a process of its own.
INSTALLED_APPS.remove("rest_framework_simplejwt.token_blacklist")
