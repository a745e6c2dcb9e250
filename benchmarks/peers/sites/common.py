"""Settings that all contestants share: those of a new project, and REST framework."""

from __future__ import annotations

import json
import os

SECRET_KEY = "benchmark-" + "k" * 50
DEBUG = False
ALLOWED_HOSTS = ["*"]
DATABASES = {
    # Connections are kept: otherwise connecting is what would be measured.
    "default": {**json.loads(os.environ["BENCHMARK_DATABASE"]), "CONN_MAX_AGE": None}
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # psycopg's own default, which Django turns off for the sake of poolers.
    DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 5
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
LOGGING_CONFIG = "benchmarks.peers.sites.silence.keep_silent"
