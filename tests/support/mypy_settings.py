"""What mypy's plugin for Django reads: the tests' settings, and the example site's models."""

from example import settings as example_settings

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as APPS

INSTALLED_APPS = [*APPS, "example"]
PHONE_ON_SCREEN = example_settings.PHONE_ON_SCREEN
