"""System checks: each speaks up where it should, and is silent elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.cache.backends.redis import RedisCache
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from django_sms_otp import checks as our_checks
from django_sms_otp.backends import BaseSMSBackend
from django_sms_otp.controls.stores import caches as store_caches
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.testing import override_sms_otp

from ..support.databases import database_time_zone

SECRET = "a-secret-that-nobody-sees"
LOCMEM = "django_sms_otp.backends.locmem.SMSBackend"
CHANNEL_IDS = {"sms_otp.E021"}
LIMITS_IDS = {f"sms_otp.E{number:03}" for number in range(13, 18)} | {
    f"sms_otp.W{number:03}" for number in range(6, 13)
}
ACCOUNT_IDS = {f"sms_otp.{each}" for each in ("E022", "E023", "W019", "W020", "W023")}
GATEWAY_IDS = {"sms_otp.W013", "sms_otp.W021"}
"""See tests/checks/test_gateway_codes.py."""
PRICE_IDS = {"sms_otp.E024", "sms_otp.W022"}
"""See tests/checks/test_prices.py."""
QUEUE_IDS = {"sms_otp.E019", "sms_otp.E020", "sms_otp.W016"}
DATABASE_IDS = {"sms_otp.W017", "sms_otp.W018"}
IDS = (
    {f"sms_otp.E{number:03}" for number in range(1, 13)}
    | {f"sms_otp.W{number:03}" for number in range(1, 6)}
    | {"sms_otp.E018", "sms_otp.W014", "sms_otp.W015"}
)


@pytest.fixture(autouse=True)
def spend_cap() -> Iterator[None]:
    """What ``check --deploy`` asks for of every site: see ``test_limit_checks``."""
    with override_sms_otp(LIMITS={"site": "500/h"}):
        yield


class NeedsMore(BaseSMSBackend):
    """Has an argument of its own, which its entry may lack."""

    def __init__(self, *, alias: str, sender: str) -> None:
        super().__init__(alias=alias)
        self.sender = sender


class RealBackend(BaseSMSBackend):
    """Not for development, as far as anybody can tell."""


def messages_found(
    *, deploy: bool = False, databases: tuple[str, ...] = ()
) -> list[checks.CheckMessage]:
    messages = checks.run_checks(
        tags=[checks.Tags.security, checks.Tags.database],
        include_deployment_checks=deploy,
        databases=list(databases),
    )
    return [each for each in messages if str(each.id).startswith("sms_otp.")]


def found(*, deploy: bool = False, databases: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the ids of our messages with their texts."""
    ours = messages_found(deploy=deploy, databases=databases)
    return {str(each.id): f"{each.msg} {each.hint or ''}" for each in ours}


def backends(path: str, options: dict[str, object] | None = None) -> Any:
    entry = {"BACKEND": path, "OPTIONS": options or {}}
    return override_settings(SMS_OTP_BACKENDS={"default": entry})


def customers(model: str) -> Any:
    return override_settings(AUTH_USER_MODEL=f"customers.{model}")


FIELD_RESOLVER = {
    "USER_RESOLVER": "django_sms_otp.auth.users.UserFieldResolver",
    "USER_PHONE_FIELD": "phone",
}


# The settings of the tests are a good configuration, but for the backend of the tests.


def test_a_good_configuration_has_no_message() -> None:
    assert found() == {}


@pytest.mark.django_db
def test_a_good_configuration_has_no_message_under_deploy() -> None:
    with backends(f"{__name__}.RealBackend"):
        assert found(deploy=True, databases=("default",)) == {}


# The settings


def test_e001_broken_settings() -> None:
    with override_sms_otp(CODE_LENGHT=6):
        assert found() == {
            "sms_otp.E001": "SMS_OTP has no setting 'CODE_LENGHT'. Did you mean 'CODE_LENGTH'? "
        }


def test_e001_shows_no_secret() -> None:
    with override_sms_otp(SECRET_KEYS=SECRET):
        assert SECRET not in found()["sms_otp.E001"]


def test_e001_is_silent_on_every_key_at_its_default() -> None:
    with override_settings(SMS_OTP={}):
        assert found() == {}


# Backends


def test_e002_a_broken_backend() -> None:
    with backends("nowhere.SMSBackend"):
        assert "SMS_OTP_BACKENDS['default']" in found()["sms_otp.E002"]


def test_e002_every_broken_backend_has_a_message() -> None:
    entries = {"default": {"BACKEND": LOCMEM}, "second": {}, "third": None}
    with override_settings(SMS_OTP_BACKENDS=entries):
        second, third = messages_found()

    assert (second.id, third.id) == ("sms_otp.E002", "sms_otp.E002")
    assert "'second'" in second.msg
    assert "'third'" in third.msg


def test_e002_is_silent_on_good_backends(tmp_path: Path) -> None:
    entries = {
        "default": {"BACKEND": LOCMEM},
        "file": {
            "BACKEND": "django_sms_otp.backends.file.SMSBackend",
            "OPTIONS": {"path": tmp_path},
        },
    }
    with override_settings(SMS_OTP_BACKENDS=entries):
        assert found() == {}


# The user resolver


@pytest.mark.parametrize(
    "keys",
    [
        {"USER_RESOLVER": "nowhere.Resolver"},
        {"USER_RESOLVER": "datetime.timedelta"},
        {**FIELD_RESOLVER, "USER_PHONE_FIELD": None},
        {**FIELD_RESOLVER, "USER_PHONE_FIELD": "fone"},
        {**FIELD_RESOLVER, "USER_PHONE_FIELD": "verified_phones"},
    ],
)
def test_e003_a_broken_user_resolver(keys: dict[str, object]) -> None:
    with override_sms_otp(**keys):
        assert list(found()) == ["sms_otp.E003"]


def test_e003_is_silent_on_a_field_of_the_user_model() -> None:
    with customers("PhoneCustomer"), override_sms_otp(**FIELD_RESOLVER):
        assert found() == {}


def test_e004_a_phone_field_that_is_not_unique() -> None:
    with customers("SharedPhoneCustomer"), override_sms_otp(**FIELD_RESOLVER):
        messages = found()

    assert list(messages) == ["sms_otp.E004"]
    assert "unique=True" in messages["sms_otp.E004"]


def test_e004_is_silent_on_a_unique_field() -> None:
    with customers("PhoneCustomer"), override_sms_otp(**FIELD_RESOLVER):
        assert "sms_otp.E004" not in found()


# Registration


def test_e005_a_user_model_that_needs_more_than_a_number() -> None:
    with customers("EmailCustomer"):
        text = found()["sms_otp.E005"]

    assert "customers.EmailCustomer" in text
    assert "'email'" in text
    assert "'tariff'" in text
    assert "SMS_OTP['USER_RESOLVER']" in text


def test_e005_is_silent_where_nobody_is_registered() -> None:
    with customers("EmailCustomer"), override_sms_otp(UNKNOWN_NUMBERS="reject"):
        assert found() == {}


def test_e005_is_silent_on_a_model_that_a_number_fills() -> None:
    with customers("PhoneCustomer"), override_sms_otp(**FIELD_RESOLVER):
        assert "sms_otp.E005" not in found()


# Tokens


@pytest.mark.parametrize(
    "keys",
    [
        {"TOKEN_ISSUER": "nowhere.Issuer"},
        {"TOKEN_ISSUER": "datetime.timedelta"},
        {"TOKEN_SERIALIZER": "nowhere.Serializer"},
        {"TOKEN_SERIALIZER": "datetime.timedelta"},
    ],
)
def test_e006_a_broken_token_issuer(keys: dict[str, object]) -> None:
    with override_sms_otp(**keys):
        assert list(found()) == ["sms_otp.E006"]


def test_e006_is_silent_on_another_serializer() -> None:
    path = "rest_framework_simplejwt.serializers.TokenObtainSlidingSerializer"
    with override_sms_otp(TOKEN_SERIALIZER=path):
        assert found() == {}


# Ignored numbers


def test_e007_unknown_numbers_are_ignored_during_the_request() -> None:
    with override_sms_otp(UNKNOWN_NUMBERS="ignore"):
        assert list(found()) == ["sms_otp.E007"]


@pytest.mark.parametrize("choice", ["register", "reject"])
def test_e007_is_silent_on_the_other_choices(choice: str) -> None:
    with override_sms_otp(UNKNOWN_NUMBERS=choice):
        assert found() == {}


# Time zones


def test_e008_local_time() -> None:
    with override_settings(USE_TZ=False):
        assert list(found()) == ["sms_otp.E008"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_e008_a_database_that_stores_local_time(zone: str) -> None:
    with database_time_zone(zone):
        texts = found()
    if connection.features.supports_timezones:
        assert texts == {}
    else:
        assert "DATABASES['default']['TIME_ZONE']" in texts["sms_otp.E008"]


def test_e008_is_silent_on_a_zone_without_summer_time() -> None:
    with database_time_zone("Asia/Kolkata"):
        assert found() == {}


def test_e008_is_silent_on_any_time_zone() -> None:
    with override_settings(USE_TZ=True, TIME_ZONE="Europe/Berlin"):
        assert found() == {}


# Autocommit


def test_e018_nothing_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "AUTOCOMMIT", False)
    messages = found()
    assert list(messages) == ["sms_otp.E018"]
    assert "DATABASES['default']['AUTOCOMMIT']" in messages["sms_otp.E018"]


def test_e018_is_silent_on_a_database_that_the_app_does_not_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(settings.DATABASES, "archive", {"AUTOCOMMIT": False})
    assert found() == {}


# The message


def test_e009_a_site_without_a_name() -> None:
    with override_sms_otp(MESSAGE="{code} {site}"), override_settings(ALLOWED_HOSTS=["*"]):
        assert list(found()) == ["sms_otp.E009"]


def test_e009_is_silent_on_a_site_with_a_name() -> None:
    with (
        override_settings(ALLOWED_HOSTS=["*"]),
        override_sms_otp(MESSAGE="{code} {site}", SITE_NAME="Shop"),
    ):
        assert found() == {}


def test_e009_is_silent_on_a_site_with_a_host() -> None:
    with (
        override_settings(ALLOWED_HOSTS=["shop.example"]),
        override_sms_otp(MESSAGE="{code} {site}"),
    ):
        assert found() == {}


@pytest.mark.parametrize("name", ["missing", "malformed", "codeless", "failing"])
def test_e010_a_template_that_gives_no_code(name: str) -> None:
    with override_sms_otp(MESSAGE=f"sms/{name}.txt"):
        assert list(found()) == ["sms_otp.E010"]


def test_e010_is_silent_on_a_good_template() -> None:
    with override_sms_otp(MESSAGE="sms/login.txt", SITE_NAME="Shop"):
        assert found() == {}


@pytest.mark.parametrize("translated", ["Code", "Code {cod}", "Code {", "Code {code.x}"])
def test_e010_a_translation_that_gives_no_code(
    monkeypatch: pytest.MonkeyPatch, translated: str
) -> None:
    monkeypatch.setattr("django_sms_otp.delivery.messages.gettext", lambda message: translated)

    assert list(found()) == ["sms_otp.E010"]


def test_w003_a_message_of_several_segments() -> None:
    with override_sms_otp(MESSAGE="{code}" + "a" * 155):
        messages = found()

    assert list(messages) == ["sms_otp.W003"]
    assert "161 characters and takes 2 segments (GSM-7)" in messages["sms_otp.W003"]


def test_w003_counts_the_last_line_too() -> None:
    with override_sms_otp(MESSAGE="{code} ключ" + "a" * 58, ORIGIN="example.com"):
        assert "UCS-2" in found()["sms_otp.W003"]


@pytest.mark.parametrize("message", ["{code}" + "a" * 154, "{code}" + "ж" * 64])
def test_w003_is_silent_on_a_full_segment(message: str) -> None:
    with override_sms_otp(MESSAGE=message):
        assert found() == {}


# Under deploy


@pytest.mark.parametrize("name", ["console", "file", "locmem", "dummy"])
def test_e011_a_backend_for_development(name: str, tmp_path: Path) -> None:
    options: dict[str, object] = {"path": tmp_path} if name == "file" else {}
    with backends(f"django_sms_otp.backends.{name}.SMSBackend", options):
        messages = found(deploy=True)
        assert "sms_otp.E011" not in found()

    assert list(messages) == ["sms_otp.E011"]
    assert f"django_sms_otp.backends.{name}" in messages["sms_otp.E011"]


def test_e011_is_silent_on_a_gateway() -> None:
    options: dict[str, object] = {
        "account_sid": "AC" + "1" * 32,
        "auth_token": "secret",
        "from_number": "+15005550006",
    }
    with backends("django_sms_otp.backends.twilio.SMSBackend", options):
        assert "sms_otp.E011" not in found(deploy=True)


@pytest.mark.parametrize("length", [4, 5])
def test_w001_a_code_that_is_easy_to_guess(length: int) -> None:
    with backends(f"{__name__}.RealBackend"), override_sms_otp(CODE_LENGTH=length):
        # W007 says what comes of it.
        assert set(found(deploy=True)) == {"sms_otp.W001", "sms_otp.W007"}
        assert found() == {}


def test_w001_is_silent_on_six_digits() -> None:
    with backends(f"{__name__}.RealBackend"), override_sms_otp(CODE_LENGTH=6):
        assert found(deploy=True) == {}


def test_w002_a_code_that_lives_long() -> None:
    lifetime = timedelta(minutes=10, seconds=1)
    with backends(f"{__name__}.RealBackend"), override_sms_otp(CODE_LIFETIME=lifetime):
        assert list(found(deploy=True)) == ["sms_otp.W002"]
        assert found() == {}


def test_w002_is_silent_on_ten_minutes() -> None:
    lifetime = timedelta(minutes=10)
    with backends(f"{__name__}.RealBackend"), override_sms_otp(CODE_LIFETIME=lifetime):
        assert found(deploy=True) == {}


# The cache of limits

REDIS = "django.core.cache.backends.redis.RedisCache"
SHARDED = {"CLIENT_CLASS": "django_redis.client.ShardClient"}


class SitesOwnCache(RedisCache):
    """A site may extend the backend."""


def limits_in(backend: str, **config: object) -> Any:
    default = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    entry = {"BACKEND": backend, "LOCATION": "redis://localhost", **config}
    ours = {"LIMITS_CACHE": "limits", "LIMITS": {"site": "500/h"}}
    return override_settings(
        CACHES={"default": default, "limits": entry},
        SMS_OTP={"CODE_LIFETIME": timedelta(minutes=10), **ours},
    )


@pytest.mark.parametrize(
    "backend",
    [
        "django.core.cache.backends.locmem.LocMemCache",
        "django.core.cache.backends.dummy.DummyCache",
        "django.core.cache.backends.filebased.FileBasedCache",
        "django.core.cache.backends.db.DatabaseCache",
        "django.core.cache.backends.memcached.PyMemcacheCache",
        "datetime.timedelta",
    ],
)
def test_e012_a_cache_that_does_not_count_exactly(backend: str) -> None:
    with limits_in(backend):
        messages = found()

    assert list(messages) == ["sms_otp.E012"]
    assert f"CACHES['limits'] is {backend}" in messages["sms_otp.E012"]
    assert f"Use {REDIS}" in messages["sms_otp.E012"]


def test_e012_a_cache_that_is_not_there() -> None:
    with limits_in(REDIS), override_sms_otp(LIMITS_CACHE="limit"):
        assert "CACHES has no 'limit'. Did you mean 'limits'?" in found()["sms_otp.E012"]


def test_e012_a_cache_that_cannot_be_imported() -> None:
    with limits_in("nowhere.Cache"):
        assert "'nowhere'" in found()["sms_otp.E012"]


def test_e012_a_client_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_caches, "find_spec", lambda name: None)
    with limits_in(REDIS):
        assert "pip install 'django-sms-otp[redis]'" in found()["sms_otp.E012"]


def test_e012_keys_that_are_spread_over_servers() -> None:
    pytest.importorskip("django_redis")
    with limits_in("django_redis.cache.RedisCache", OPTIONS=SHARDED):
        assert "ShardClient" in found()["sms_otp.E012"]


@pytest.mark.parametrize(
    "backend",
    [
        REDIS,
        f"{__name__}.SitesOwnCache",
        "django_redis.cache.RedisCache",
        "django_valkey.cache.ValkeyCache",
        "django_valkey.cluster_cache.cache.ClusterValkeyCache",
    ],
)
def test_e012_is_silent_on_redis_and_valkey(backend: str) -> None:
    if backend.startswith("django_"):
        pytest.importorskip(backend.partition(".")[0])
    with limits_in(backend):
        assert found() == {}


@pytest.mark.parametrize(
    "options", [{}, {"socket_connect_timeout": 1}, {"socket_timeout": None}]
)
def test_w005_a_cache_that_may_hang(options: dict[str, object]) -> None:
    with backends(f"{__name__}.RealBackend"), limits_in(REDIS, OPTIONS=options):
        assert list(found(deploy=True)) == ["sms_otp.W005"]
        assert found() == {}


@pytest.mark.parametrize(
    "config",
    [
        {"OPTIONS": {"socket_timeout": 1}},
        {"OPTIONS": {"SOCKET_TIMEOUT": 1}},
        {"OPTIONS": {"CONNECTION_POOL_KWARGS": {"socket_timeout": 1}}},
        {"LOCATION": "redis://localhost?socket_timeout=1"},
        {"LOCATION": ["redis://localhost?db=1&socket_timeout=1"]},
    ],
)
def test_w005_is_silent_on_a_time_out(config: dict[str, object]) -> None:
    with backends(f"{__name__}.RealBackend"), limits_in(REDIS, **config):
        assert found(deploy=True) == {}


def test_w005_is_silent_on_a_cache_that_is_refused() -> None:
    with (
        backends(f"{__name__}.RealBackend"),
        limits_in("django.core.cache.backends.locmem.LocMemCache"),
    ):
        assert list(found(deploy=True)) == ["sms_otp.E012"]


# Customers whose numbers nobody has imported


@pytest.fixture
def customers_with_numbers(db: None) -> Iterator[None]:
    with customers("EmailCustomer"), override_sms_otp(UNKNOWN_NUMBERS="reject"):
        yield


@pytest.mark.usefixtures("customers_with_numbers")
def test_w004_customers_would_get_new_accounts() -> None:
    messages = found(databases=("default",))

    assert list(messages) == ["sms_otp.W004"]
    assert "'mobile'" in messages["sms_otp.W004"]
    assert "import_verified_phones --field mobile" in messages["sms_otp.W004"]


@pytest.mark.usefixtures("customers_with_numbers")
def test_w004_is_silent_without_the_database() -> None:
    assert found() == {}


@pytest.mark.django_db
def test_w004_is_silent_once_a_number_is_verified() -> None:
    user = get_user_model().objects.create(username="anna")
    VerifiedPhone.objects.create(
        user=user, phone_number="+14155552671", verified_at=timezone.now()
    )

    with customers("EmailCustomer"), override_sms_otp(UNKNOWN_NUMBERS="reject"):
        assert found(databases=("default",)) == {}


@pytest.mark.django_db
def test_w004_is_silent_where_the_field_itself_is_used() -> None:
    with customers("PhoneCustomer"), override_sms_otp(**FIELD_RESOLVER):
        assert found(databases=("default",)) == {}


@pytest.mark.django_db
def test_w004_is_silent_on_a_user_without_a_number() -> None:
    assert found(databases=("default",)) == {}


# Receipts

BY_TOKEN: dict[str, object] = {
    "account_sid": "AC" + "1" * 32,
    "auth_token": SECRET,
    "from_number": "+15005550006",
}
BY_KEY: dict[str, object] = {
    "account_sid": "AC" + "1" * 32,
    "api_key_sid": "SK" + "1" * 32,
    "api_key_secret": SECRET,
    "from_number": "+15005550006",
}
TWILIO = "django_sms_otp.backends.twilio.SMSBackend"
PUBLIC_URL = "https://login.example"


@pytest.mark.parametrize("public_url", [None, "http://login.example"])
def test_w014_no_address_that_twilio_may_call(public_url: str | None) -> None:
    with backends(TWILIO, BY_TOKEN), override_sms_otp(PUBLIC_URL=public_url):
        messages = found(deploy=True)
        assert found() == {}

    assert list(messages) == ["sms_otp.W014"]
    assert repr(public_url) in messages["sms_otp.W014"] or public_url is None
    assert "SMS_OTP_BACKENDS['default']" in messages["sms_otp.W014"]
    assert SECRET not in messages["sms_otp.W014"]


@pytest.mark.parametrize(
    ("path", "options", "public_url"),
    [
        (TWILIO, BY_TOKEN, PUBLIC_URL),
        (TWILIO, BY_KEY, None),
        (f"{__name__}.RealBackend", {}, None),
        (f"{__name__}.RealBackend", {}, "http://login.example"),
    ],
)
def test_w014_is_silent_where_receipts_come_or_none_is_signed(
    path: str, options: dict[str, object], public_url: str | None
) -> None:
    with backends(path, options), override_sms_otp(PUBLIC_URL=public_url):
        assert found(deploy=True) == {}


def test_w015_receipts_that_nobody_can_verify() -> None:
    with backends(TWILIO, BY_KEY), override_sms_otp(PUBLIC_URL=PUBLIC_URL):
        messages = found()

    assert list(messages) == ["sms_otp.W015"]
    assert "'auth_token'" in messages["sms_otp.W015"]
    assert SECRET not in messages["sms_otp.W015"]


def test_w015_no_route_to_the_webhook() -> None:
    with (
        backends(TWILIO, BY_TOKEN),
        override_sms_otp(PUBLIC_URL=PUBLIC_URL),
        override_settings(ROOT_URLCONF="django.contrib.auth.urls"),
    ):
        messages = found()

    assert list(messages) == ["sms_otp.W015"]
    assert '"django_sms_otp.urls"' in messages["sms_otp.W015"]


@pytest.mark.parametrize(
    ("path", "options", "public_url"),
    [
        (TWILIO, BY_TOKEN, PUBLIC_URL),
        (TWILIO, BY_KEY, None),
        (f"{__name__}.RealBackend", {}, PUBLIC_URL),
    ],
)
def test_w015_is_silent_where_receipts_can_be_verified_or_none_are_asked_for(
    path: str, options: dict[str, object], public_url: str | None
) -> None:
    with backends(path, options), override_sms_otp(PUBLIC_URL=public_url):
        assert found() == {}


# All of them


def test_every_id_has_a_test_that_triggers_it_and_one_that_shows_it_silent() -> None:
    names = [name for name in globals() if name.startswith("test_")]
    for number in (each.removeprefix("sms_otp.").lower() for each in IDS):
        tests = [name for name in names if name.startswith(f"test_{number}_")]
        assert any("_is_silent_" in name for name in tests), number
        assert any("_is_silent_" not in name for name in tests), number


def test_the_ids_are_these() -> None:
    ids = IDS | ACCOUNT_IDS | LIMITS_IDS | GATEWAY_IDS | CHANNEL_IDS | QUEUE_IDS | DATABASE_IDS
    ids |= PRICE_IDS
    files = Path(our_checks.__file__).parent.glob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    assert set(re.findall(r"sms_otp\.[EW]\d{3}", source)) == ids


BROKEN_SETTINGS: list[object] = [
    None,
    [],
    "CODE_LENGTH",
    {6: 6},
    {"CODE_LENGTH": None},
    {"CODE_LIFETIME": 600},
    {"COOLDOWN": 30},
    {"MESSAGE": "{code[x]} {code}"},
    {"MESSAGE": None},
    {"USER_RESOLVER": None},
    {"TOKEN_ISSUER": object},
    {"UNKNOWN_NUMBERS": []},
]


@pytest.mark.django_db
@pytest.mark.parametrize("value", BROKEN_SETTINGS)
def test_no_check_crashes_on_broken_settings(value: object) -> None:
    with override_settings(SMS_OTP=value), backends(f"{__name__}.RealBackend"):
        assert list(found(deploy=True, databases=("default",))) == ["sms_otp.E001"]


BROKEN_BACKENDS: list[object] = [
    None,
    [],
    {},
    {"default": None},
    {"default": {"BACKEND": None}},
    {"default": {"BACKEND": LOCMEM, "OPTIONS": None}},
    {"default": {"BACKEND": f"{__name__}.NeedsMore"}},
    {"default": {"BACKEND": f"{__name__}.NeedsMore", "OPTIONS": {"sendr": "x"}}},
    {"default": {"BACKEND": LOCMEM}, 6: {"BACKEND": LOCMEM, "OPTION": {}}},
]


@pytest.mark.django_db
@pytest.mark.parametrize("value", BROKEN_BACKENDS)
def test_no_check_crashes_on_broken_backends(value: object) -> None:
    with override_settings(SMS_OTP_BACKENDS=value):
        assert "sms_otp.E002" in found(deploy=True, databases=("default",))


@pytest.mark.django_db
def test_no_check_crashes_on_resolver_and_issuer_that_cannot_be_imported() -> None:
    with (
        backends(f"{__name__}.RealBackend"),
        override_sms_otp(USER_RESOLVER="nowhere.R", TOKEN_ISSUER="nowhere.I"),
    ):
        ids = set(found(deploy=True, databases=("default",)))

    assert ids == {"sms_otp.E003", "sms_otp.E006"}
