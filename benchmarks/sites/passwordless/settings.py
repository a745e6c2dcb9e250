from __future__ import annotations

from benchmarks.sites.common import *  # noqa: F403
from benchmarks.sites.common import INSTALLED_APPS

INSTALLED_APPS += [
    "rest_framework.authtoken",
    "drfpasswordless",
    "benchmarks.sites.passwordless",
]
AUTH_USER_MODEL = "passwordless.Customer"
ROOT_URLCONF = "benchmarks.sites.passwordless.urls"
PASSWORDLESS_AUTH = {
    "PASSWORDLESS_AUTH_TYPES": ["MOBILE"],
    "PASSWORDLESS_SMS_CALLBACK": "benchmarks.sites.passwordless.sms.send",
}
