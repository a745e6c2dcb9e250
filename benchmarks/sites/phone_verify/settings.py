from __future__ import annotations

from benchmarks.sites.common import *  # noqa: F403
from benchmarks.sites.common import INSTALLED_APPS

INSTALLED_APPS += ["phone_verify"]
ROOT_URLCONF = "benchmarks.sites.phone_verify.urls"
PHONE_VERIFICATION = {
    "BACKEND": "benchmarks.sites.phone_verify.sms.Silent",
    "OPTIONS": {},
    "TOKEN_LENGTH": 6,
    "MESSAGE": "Welcome to {app}! Please use security code {security_code} to proceed.",
    "APP_NAME": "Benchmark",
    "SECURITY_CODE_EXPIRATION_SECONDS": 3600,
    # Otherwise a code may be used again and again.
    "VERIFY_SECURITY_CODE_ONLY_ONCE": True,
}
