from __future__ import annotations

from benchmarks.sites.common import *  # noqa: F403
from benchmarks.sites.common import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS.remove("rest_framework")
INSTALLED_APPS += [
    "allauth",
    "allauth.account",
    "allauth.headless",
    "benchmarks.sites.allauth",
]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
AUTH_USER_MODEL = "members.Member"
ROOT_URLCONF = "benchmarks.sites.allauth.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ALLAUTH_TRUSTED_PROXY_COUNT = 1
ACCOUNT_ADAPTER = "benchmarks.sites.allauth.adapter.PhoneAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"phone"}
ACCOUNT_SIGNUP_FIELDS = ["phone*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"
# As simplejwt signs; allauth's default, RS256, takes longer.
HEADLESS_JWT_ALGORITHM = "HS256"
