"""Settings of the example site.

The part on SMS login has good values for production. Everything that differs between machines
comes from the environment, so the same site runs on a laptop and on a server:

    DJANGO_DEBUG                 "0" on a server
    DJANGO_SECRET_KEY            required if DJANGO_DEBUG is "0"
    DJANGO_ALLOWED_HOSTS         host names, separated by commas
    DJANGO_TRUSTED_PROXY_COUNT   "1" behind one proxy
    DATABASE_URL                 default: SQLite in this folder. The PostgreSQL driver is
                                 installed; for MySQL and MariaDB install mysqlclient
    DJANGO_PUBLIC_URL            "https://example.com": where Twilio sends its receipts
    TWILIO_ACCOUNT_SID           without it, messages go to the console, and in development to a
                                 telephone on the screen
    TWILIO_AUTH_TOKEN
    TWILIO_FROM_NUMBER           or TWILIO_MESSAGING_SERVICE_SID
    TWILIO_VOICE_FROM            a number that makes calls; without it there are none
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from django.conf.locale import LANG_INFO

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DJANGO_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or (
    "for-development-only-and-known-to-everybody-who-reads-it" if DEBUG else ""
)
HAS_GATEWAY = "TWILIO_ACCOUNT_SID" in os.environ
PHONE_ON_SCREEN = DEBUG and not HAS_GATEWAY
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_sms_otp",
    "example",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "example.csp.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example.urls"
WSGI_APPLICATION = "example.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "example" / "templates"],
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

DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{BASE_DIR}/example.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
TIME_ZONE = "UTC"
LOGIN_URL = "sms_otp_web:login"
LOGIN_REDIRECT_URL = "account"
# All that django_sms_otp speaks, each in its own name.
LANGUAGES = [
    (code, LANG_INFO[code]["name_local"])
    for code in (
        *("ar", "bn", "de", "en", "es", "fa", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl"),
        *("pt-br", "ru", "th", "tr", "uk", "vi", "zh-hans", "zh-hant"),
    )
]

if not DEBUG:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# The site's own endpoints require a token. The endpoints of the login ignore these settings.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
# The login needs no line here: django_sms_otp tells drf-spectacular what its endpoints answer.
SPECTACULAR_SETTINGS = {
    "TITLE": "Example of django-sms-otp",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    # The files of Swagger UI come from this site, not from a CDN.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
}
SIMPLE_JWT = {"UPDATE_LAST_LOGIN": True}

# --- SMS login --------------------------------------------------------------------------------

SMS_OTP: dict[str, Any] = {
    "CODE_LIFETIME": timedelta(minutes=10),
    # A code for a payment is bound to its amount and its payee: see payments.py.
    "PURPOSES": {"payment": {"MESSAGE": "{code} pays {amount} to {payee}"}},
    # A cap on the bill, well above the busiest hour and day. Limits of numbers and IP addresses
    # are on by default.
    "LIMITS": {"site": "500/h,5000/d"},
    # A country of which hardly any code is redeemed gets none for some hours: it is fraud.
    "CONVERSION_BREAKER": {},
    # The number of our own proxies that a request passes: "1" behind nginx. Behind a proxy,
    # limits by IP address do not work without it.
    "TRUSTED_PROXY_COUNT": int(os.environ.get("DJANGO_TRUSTED_PROXY_COUNT", "0")),
    # Wrong guesses of strangers do not delay a device that has logged in.
    "DEVICE_COOKIE": "sms_otp_device",
    # Twilio sends receipts to this address.
    "PUBLIC_URL": os.environ.get("DJANGO_PUBLIC_URL") or None,
}

if HAS_GATEWAY:
    has_calls = "TWILIO_VOICE_FROM" in os.environ
    SMS_OTP_BACKENDS = {
        "default": {
            "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
            "OPTIONS": {
                "account_sid": os.environ["TWILIO_ACCOUNT_SID"],
                "auth_token": os.environ.get("TWILIO_AUTH_TOKEN", ""),
                "from_number": os.environ.get("TWILIO_FROM_NUMBER", ""),
                "messaging_service_sid": os.environ.get("TWILIO_MESSAGING_SERVICE_SID", ""),
                "voice_from": os.environ.get("TWILIO_VOICE_FROM", ""),
            },
        }
    }
else:
    has_calls = True
    module = "example.phone" if PHONE_ON_SCREEN else "django_sms_otp.backends.console"
    SMS_OTP_BACKENDS = {"default": {"BACKEND": f"{module}.SMSBackend"}}

# A call reads the code out to people who cannot read an SMS.
SMS_OTP["CHANNELS"] = {"sms": "default", **({"voice": "default"} if has_calls else {})}

if DEBUG:
    # A number with a fixed code and no message, as the reviewers of app stores need one. On a
    # server, write the last day of the review: date(2027, 3, 1).
    until = datetime.now(UTC).date() + timedelta(days=30)
    SMS_OTP["TEST_NUMBERS"] = {"+14155550100": {"code": "123456", "until": until}}

if PHONE_ON_SCREEN:
    # The gateways of the made-up month of seed_demo. Nothing is sent by them.
    made_up = {
        "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
        "OPTIONS": {
            "account_sid": f"AC{0:032}",
            "auth_token": f"{0:032}",
            "from_number": "+15005550006",
            "voice_from": "+15005550006",
        },
    }
    SMS_OTP_BACKENDS |= {"twilio": made_up, "twilio_calls": made_up}
    # What a message costs, for the dashboard of the admin.
    SMS_OTP["PRICES"] = {
        "default": {"*": "0"},
        "twilio": {"US": "0.0083", "CA": "0.0083", "GB": "0.0463", "DE": "0.0998", "*": "0.08"},
        "twilio_calls": {"US": "0.013", "CA": "0.013", "*": "0.03"},
    }
    # Who tries everything asks for more codes than who logs in: for as many as a number gets.
    SMS_OTP["LIMITS"] |= {"phone_ip": "5/h,10/d"}
