from __future__ import annotations

from benchmarks.sites.own.settings import *  # noqa: F403
from benchmarks.sites.own.settings import INSTALLED_APPS

INSTALLED_APPS += ["django.contrib.admin", "django.contrib.staticfiles"]
ROOT_URLCONF = "benchmarks.sites.staff.urls"
STATIC_URL = "static/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
