"""Settings that all contestants share: those of a new project, and REST framework."""

from __future__ import annotations

import json
import os

SECRET_KEY = "benchmark-" + "k" * 50
DEBUG = False
ALLOWED_HOSTS = ["*"]
DATABASES = {
    # Connections stay open: otherwise most of the time would be that of connecting. All other
    # options are Django's defaults.
    "default": {**json.loads(os.environ["BENCHMARK_DATABASE"]), "CONN_MAX_AGE": None}
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
]
# As django-admin startproject writes it.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
USE_TZ = True
LOGGING_CONFIG = "benchmarks.sites.silence.keep_silent"
