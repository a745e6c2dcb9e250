"""The page "Python" lists the public names, and no others."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from . import pages

PAGE = pages.page("python.md")
PUBLIC = [
    "django_sms_otp.services",
    "django_sms_otp.results",
    "django_sms_otp.exceptions",
    "django_sms_otp.signals",
    "django_sms_otp.purposes",
    "django_sms_otp.backends.base",
    "django_sms_otp.backends.transport",
    "django_sms_otp.auth.users",
    "django_sms_otp.auth.tokens",
    "django_sms_otp.auth.sessions",
    "django_sms_otp.auth.step_up",
    "django_sms_otp.web.admin_site",
    "django_sms_otp.controls.hooks",
    "django_sms_otp.contrib.twilio_lookup",
    "django_sms_otp.webhooks",
    "django_sms_otp.client",
    "django_sms_otp.testing",
]
"""A release that takes a module away breaks sites, so the list stands here too."""


def test_the_page_lists_the_public_modules() -> None:
    listed = [each for each in pages.headings(PAGE) if each.startswith("django_sms_otp.")]
    assert listed == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_the_page_lists_the_names_of_a_module(name: str) -> None:
    listed = [word for row in pages.rows(PAGE, name) for word in re.findall(r"`(\w+)`", row[0])]
    assert sorted(listed) == sorted(import_module(name).__all__)
