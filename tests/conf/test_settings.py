"""The settings: what each key takes, and what is said about the rest."""

from __future__ import annotations

import unittest
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import SimpleTestCase, override_settings
from django.utils.translation import gettext_lazy

from django_sms_otp.backends import get_backend
from django_sms_otp.conf import (
    Settings,
    backend_aliases,
    backend_config,
    get_settings,
    secret_keys,
)
from django_sms_otp.conf.validators import did_you_mean
from django_sms_otp.exceptions import InvalidBackend, InvalidSettings
from django_sms_otp.testing import override_sms_otp

MINUTE = timedelta(minutes=1)
SECRET = "a-secret-that-nobody-sees"
LOCMEM = "django_sms_otp.backends.locmem.SMSBackend"
DUMMY = "django_sms_otp.backends.dummy.SMSBackend"

GOOD = [
    ("CODE_LENGTH", 4),
    ("CODE_LENGTH", 10),
    ("CODE_LIFETIME", timedelta(microseconds=1)),
    ("MAX_ATTEMPTS", 1),
    ("MAX_ATTEMPTS", 100),
    ("COOLDOWN", []),
    ("COOLDOWN", (MINUTE, 2 * MINUTE)),
    ("REQUIRE_REQUEST_ID", True),
    ("SECRET_KEYS", None),
    ("SECRET_KEYS", ["new", b"old"]),
    ("DEFAULT_REGION", None),
    ("DEFAULT_REGION", "US"),
    ("ALLOWED_REGIONS", None),
    ("ALLOWED_REGIONS", ["US", "CA"]),
    ("ALLOWED_REGIONS", frozenset({"US"})),
    ("MESSAGE", "{code}"),
    ("MESSAGE", "{site}: {code}, for {minutes} minutes"),
    ("MESSAGE", gettext_lazy("Your code is {code}")),
    ("MESSAGE", "sms/login.txt"),
    ("SITE_NAME", None),
    ("SITE_NAME", "Tom & Jerry"),
    ("ORIGIN", None),
    ("ORIGIN", "example.com"),
    ("ORIGIN", "xn--bcher-kva.example"),
    ("UNKNOWN_NUMBERS", "register"),
    ("UNKNOWN_NUMBERS", "ignore"),
    ("UNKNOWN_NUMBERS", "reject"),
    ("ALLOW_STAFF", True),
    ("USER_RESOLVER", "shop.phones.Resolver"),
    ("PURPOSES", {}),
    ("PURPOSES", {"step_up": {"MESSAGE": "{code} {site}", "CODE_LENGTH": 8}}),
    ("PURPOSES", {"pay:1": {"MESSAGE": "{code}: {amount}", "CODE_LIFETIME": MINUTE}}),
    ("PURPOSES", {"delete.account": {}}),
    ("PURPOSES", {"pay": {"MESSAGE": "sms/pay.txt", "MAX_ATTEMPTS": 1}}),
    ("USER_PHONE_FIELD", None),
    ("USER_PHONE_FIELD", "phone"),
    ("TEST_NUMBERS", {}),
    ("TEST_NUMBERS", {"+14155550100": {"code": "0123"}, "+447700900123": {"code": "9" * 10}}),
    ("TEST_NUMBERS", {"+5491155550100": {"code": "123456", "until": date(2027, 3, 1)}}),
    ("TEST_NUMBERS", {"+15555550100": {"code": "123456", "until": None}}),
    ("NUMBER_TAKEN", "move"),
    ("NUMBER_TAKEN", "refuse"),
    ("NOTIFY_OLD_NUMBER", False),
    ("GUARD_STAFF_NUMBERS", True),
    ("PRICES", {"default": {"US": "0.0083", "*": "0.05"}}),
    ("CURRENCY", "EUR"),
    ("NUMBERS_NEED_PROOF_BY", "sms"),
    ("NUMBERS_NEED_PROOF_WITHIN", None),
    ("NUMBERS_NEED_PROOF_WITHIN", timedelta(hours=1)),
    ("TOKEN_ISSUER", "shop.tokens.Issuer"),
    ("TOKEN_SERIALIZER", None),
    ("TOKEN_SERIALIZER", "shop.tokens.Serializer"),
    ("RETENTION", timedelta(days=1)),
    ("LIMITS", {}),
    ("LIMITS", {"phone": "3/10m", "ip": None, "site": "500/h,5000/d"}),
    ("LIMITS", {"phone": "100/d", "failures": "1/s"}),
    ("RESERVED_SHARE", 0),
    ("RESERVED_SHARE", 0.5),
    ("LIMITS_CACHE", None),
    ("LIMITS_CACHE", "default"),
    ("CONTROL_MODES", {"prefix": "record", "region": "off", "breaker": "enforce"}),
    ("MAX_CONSECUTIVE_FAILURES", 1),
    ("UNVERIFIED_BUDGET", None),
    ("UNVERIFIED_BUDGET", {}),
    ("UNVERIFIED_BUDGET", {"country_day": 50, "share_day": 0.5}),
    ("CONVERSION_BREAKER", {"block_for": timedelta(hours=1), "least": 5}),
    ("CHALLENGE", "shop.captcha.Challenge"),
    ("NUMBER_LOOKUP", "shop.lookup.Lookup"),
    ("NUMBER_RISK", "shop.risk.Risks"),
    ("STALE_AFTER", timedelta(days=1)),
    ("STALE_AFTER", None),
    ("REFUSED_NUMBER_TYPES", []),
    ("REFUSED_NUMBER_TYPES", ["UNKNOWN", "VOIP"]),
    ("TRUSTED_PROXY_COUNT", 2),
    ("TRUSTED_ORIGINS", None),
    ("TRUSTED_ORIGINS", ["https://example.com:8443", "https://*.example.com"]),
    ("TRUSTED_ORIGINS", ("capacitor://localhost",)),
    ("STORE_IP_ADDRESS", True),
    ("DEVICE_COOKIE", "sms_otp_device"),
    ("CHANNELS", {"sms": "default", "voice": "calls"}),
    ("DELIVERY", "tasks"),
    ("DELIVERY_QUEUE", "sms"),
    ("PUBLIC_URL", "https://example.com"),
    ("PUBLIC_URL", "https://example.com:8443/"),
    ("RECEIPTS_URL", "https://example.com/eu/auth/sms/"),
    ("RECEIPTS_URL", "shop.tenants.receipts_url"),
]

WHOLE = "must be a whole number"
DURATION = "must be a positive datetime.timedelta"
DURATIONS = "must be a list of positive datetime.timedelta"
BOOLEAN = "must be True or False"
TEXT = "must be a text"
REGION = "must be a two-letter region"
PATH = "must be the dotted path of a class"
REGIONS = "must be a list of two-letter regions"
BRACES = "may name {code}, {minutes} and {site} in braces"
HOST = "must be a bare host name"
KEYS = "must be a list of secret texts"

BAD: list[tuple[str, Any, str]] = [
    ("LIMITS", None, "must be a dict of rates"),
    *(("RESERVED_SHARE", value, "must be a number from 0 to 1") for value in (-0.1, 2, "a")),
    *(
        ("TRUSTED_ORIGINS", value, "must be a list of origins")
        for value in ("https://example.com", ["example.com"], ["https://example.com/"], ["*"])
    ),
    ("CHANNELS", {}, "must be a dict of aliases by channel"),
    ("CHANNELS", ["sms"], "must be a dict of aliases by channel"),
    ("DELIVERY", "thread", "must be one of 'immediate', 'tasks', 'celery'"),
    ("DELIVERY_QUEUE", "", TEXT),
    *(
        ("PUBLIC_URL", value, "must be a scheme and a host")
        for value in (
            *(
                "example.com",
                "https://e .com",
                "https://",
                "https://a.example/path",
                "ftp://a.example",
                7,
            ),
            *("https://a.example:port", "https://a.example:99999", "https://[a.example"),
        )
    ),
    *(
        ("RECEIPTS_URL", value, "must be an address")
        for value in (
            "https://",
            "ftp://a.example/sms/",
            "https://a.example/sms/?a=b",
            "sms",
            7,
        )
    ),
    ("LIMITS_CACHE", 1, TEXT),
    ("CONTROL_MODES", "record", "must be a dict such as"),
    ("MAX_CONSECUTIVE_FAILURES", 0, f"{WHOLE} from 1 to 1000"),
    ("UNVERIFIED_BUDGET", 20, "must be a dict of figures"),
    ("CONVERSION_BREAKER", [], "must be a dict of figures"),
    ("CHALLENGE", "captcha", PATH),
    ("NUMBER_LOOKUP", 5, PATH),
    ("NUMBER_RISK", True, PATH),
    ("STALE_AFTER", 365, "must be a datetime.timedelta of at least a day"),
    ("STALE_AFTER", timedelta(hours=23), "must be a datetime.timedelta of at least a day"),
    ("REFUSED_NUMBER_TYPES", ["MOBILE"], "must be a list of 'UNKNOWN', 'VOIP'"),
    ("REFUSED_NUMBER_TYPES", "VOIP", "must be a list of"),
    ("TRUSTED_PROXY_COUNT", -1, f"{WHOLE} from 0 to 10"),
    ("STORE_IP_ADDRESS", None, BOOLEAN),
    ("DEVICE_COOKIE", "", TEXT),
    *(("CODE_LENGTH", value, f"{WHOLE} from 4 to 10") for value in (3, 11, 6.0, "6", True)),
    ("CODE_LENGTH", None, WHOLE),
    *(("CODE_LIFETIME", value, DURATION) for value in (600, -MINUTE, timedelta(0), None)),
    *(("MAX_ATTEMPTS", value, f"{WHOLE} from 1 to 100") for value in (0, 101, "5", True)),
    *(("COOLDOWN", value, DURATIONS) for value in (30, None, [30], [MINUTE, timedelta(0)])),
    *(("COOLDOWN", value, DURATIONS) for value in (MINUTE, "30", "", {MINUTE})),
    ("REQUIRE_REQUEST_ID", 1, BOOLEAN),
    ("REQUIRE_REQUEST_ID", "yes", BOOLEAN),
    *(("SECRET_KEYS", value, KEYS) for value in ("text", b"bytes", [], [""], [None], {"key"})),
    *(("DEFAULT_REGION", value, REGION) for value in (1, "", ["US"], "XX", "us", "USA")),
    *(("ALLOWED_REGIONS", value, REGIONS) for value in ("US", [], [1], 1, ["us"])),
    *(("MESSAGE", value, TEXT) for value in ("", None, 6)),
    *(
        ("MESSAGE", value, BRACES)
        for value in ("{code} {name}", "{code} {}", "{code} {0}", "{code} {", "{code} }")
    ),
    *(
        ("MESSAGE", value, BRACES)
        for value in ("{code} {code.x}", "{code} {code[x]}", "{code} {minutes[0]}", "{code:d}")
    ),
    ("MESSAGE", "Your code is ready", "must contain {code}"),
    ("MESSAGE", "Your code is {{code}}", "must contain {code}"),
    ("MESSAGE", "Your code is {code:.3}", "must contain {code}"),
    *(("SITE_NAME", value, TEXT) for value in ("", 1)),
    *(("ORIGIN", value, TEXT) for value in ("", 1)),
    *(
        ("ORIGIN", value, HOST)
        for value in ("https://example.com", "example.com:8000", "example.com/login")
    ),
    *(
        ("ORIGIN", value, HOST)
        for value in ("@example.com", "example.com #1", "bücher.example", "example.com\n")
    ),
    ("UNKNOWN_NUMBERS", "drop", "must be one of 'register', 'ignore', 'reject'"),
    ("UNKNOWN_NUMBERS", None, "must be one of 'register'"),
    ("UNKNOWN_NUMBERS", [], "must be one of 'register'"),
    ("ALLOW_STAFF", 0, BOOLEAN),
    *(("USER_RESOLVER", value, PATH) for value in ("Resolver", None, object)),
    *(("USER_PHONE_FIELD", value, TEXT) for value in ("", 1)),
    ("TEST_NUMBERS", ["+14155550100"], "must be a dict such as"),
    ("NUMBER_TAKEN", "keep", "must be one of 'move', 'refuse'"),
    ("NOTIFY_OLD_NUMBER", 1, "must be True or False"),
    ("GUARD_STAFF_NUMBERS", 1, "must be True or False"),
    ("PRICES", [], "must be a dict by alias"),
    ("CURRENCY", "euro", "must be the three letters of a currency"),
    ("NUMBERS_NEED_PROOF_BY", "password", "must be one of 'login', 'sms'"),
    ("NUMBERS_NEED_PROOF_WITHIN", 600, "must be a positive datetime.timedelta"),
    *(("TOKEN_ISSUER", value, PATH) for value in ("Issuer", None)),
    *(("TOKEN_SERIALIZER", value, PATH) for value in ("Serializer", "", 1)),
    ("PURPOSES", ["pay"], "must be a dict of dicts by purpose"),
    *(
        ("PURPOSES", {name: {}}, "has the purpose")
        for name in ("", "p" * 33, "pay ", "p\0", "test", 7)
    ),
    *(("RETENTION", value, DURATION) for value in (30, timedelta(0))),
]


BAD_PURPOSES: list[tuple[str, Any, str]] = [
    ("pay", None, " must be a dict such as"),
    ("pay", {"LENGTH": 8}, " has no key 'LENGTH'. Did you mean 'CODE_LENGTH'?"),
    ("pay", {"CODE_LENGTH": 3}, f"['CODE_LENGTH'] {WHOLE} from 4 to 10"),
    ("pay", {"MAX_ATTEMPTS": 0}, f"['MAX_ATTEMPTS'] {WHOLE} from 1 to 100"),
    ("pay", {"CODE_LIFETIME": 600}, f"['CODE_LIFETIME'] {DURATION}"),
    ("pay", {"MESSAGE": "{amount}"}, "['MESSAGE'] must contain {code}"),
    *(
        ("pay", {"MESSAGE": value}, "['MESSAGE'] may name {code}, {minutes}, {site} and words")
        for value in ("{code} {a.b}", "{code} {0}", "{code} {", "{code:d} {a}")
    ),
    # The app sends these itself, without a context.
    *(
        (name, {"MESSAGE": "{code} {amount}"}, f"['MESSAGE'] {BRACES}")
        for name in ("login", "verify_phone", "step_up")
    ),
]


NEEDED = ' must be a dict with "code"'
BAD_TEST_NUMBERS: list[tuple[Any, Any, str]] = [
    ("+14155550100", "492817", f"['+14155550100']{NEEDED}"),
    ("+14155550100", {"until": None}, f"['+14155550100']{NEEDED}"),
    (
        "+14155550100",
        {"kode": "4928"},
        "['+14155550100'] has no key 'kode'. Did you mean 'code'?",
    ),
    *(
        ("+14155550100", {"code": code}, "['+14155550100']['code'] must be a text of 4 to 10")
        for code in (
            492817,
            "492",
            "4" * 11,
            "49a8",
            "\u0661\u0662\u0663\u0664",
            "4928\n",
            None,
        )
    ),
    *(
        (
            "+14155550100",
            {"code": "4928", "until": day},
            "['+14155550100']['until'] must be the",
        )
        for day in ("2027-03-01", datetime(2027, 3, 1, tzinfo=UTC), 20270301)
    ),
    *(
        (number, {"code": "4928"}, f" has {number!r}. Write a phone number in E.164, such as")
        for number in ("14155550100", "+1 415 555 0100", "+1415555", "+541155550100", 14155550)
    ),
]


@pytest.mark.parametrize(("number", "entry", "advice"), BAD_TEST_NUMBERS)
def test_a_bad_test_number_is_refused_with_what_to_write(
    number: Any, entry: Any, advice: str
) -> None:
    bad = override_sms_otp(TEST_NUMBERS={number: entry})
    with bad, pytest.raises(InvalidSettings) as caught:
        get_settings()
    assert str(caught.value).startswith(f"SMS_OTP['TEST_NUMBERS']{advice}")
    assert "4928" not in str(caught.value)


@pytest.mark.parametrize(("name", "value", "advice"), BAD_PURPOSES)
def test_a_bad_purpose_is_refused_with_its_name_and_what_to_write(
    name: str, value: object, advice: str
) -> None:
    purposes = {"good": {}, name: value}
    with (
        override_settings(SMS_OTP={"PURPOSES": purposes}),
        pytest.raises(InvalidSettings) as caught,
    ):
        get_settings()
    assert str(caught.value).startswith(f"SMS_OTP['PURPOSES'][{name!r}]{advice}")


@pytest.mark.parametrize(("key", "value"), GOOD)
def test_a_good_value_is_taken_as_it_is(key: str, value: Any) -> None:
    with override_settings(SMS_OTP={key: value}):
        found = getattr(get_settings(), key)

    assert found == ({**Settings().LIMITS, **value} if key == "LIMITS" else value)


@pytest.mark.parametrize(("key", "value", "advice"), BAD)
def test_a_bad_value_is_refused_with_its_key_and_what_to_write(
    key: str, value: object, advice: str
) -> None:
    with override_settings(SMS_OTP={key: value}), pytest.raises(InvalidSettings) as caught:
        get_settings()

    assert str(caught.value).startswith(f"SMS_OTP[{key!r}] {advice}")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("LIMITS", {"fone": "5/h"}, " has no limit 'fone'. Did you mean 'phone'?"),
        ("LIMITS", {"ip": "0/h"}, "['ip'] must allow at least 1, in a window of at most 30d"),
        ("LIMITS", {"ip": "5/31d"}, "['ip'] must allow at least 1, in a window of at most 30d"),
        ("LIMITS", {"ip": "5/h,6/60m"}, "['ip'] names the same window twice"),
        (
            "LIMITS",
            {"phone": "101/d"},
            "['phone'] must allow at most 100 in a window",
        ),
        (
            "CONTROL_MODES",
            {"prefiks": "off"},
            " has no control 'prefiks'. Did you mean",
        ),
        (
            "CONTROL_MODES",
            {"ip": "on"},
            "['ip'] must be one of 'off', 'record', 'enf",
        ),
        ("UNVERIFIED_BUDGET", {"country_dya": 1}, " has no figure 'country_dya'. Did you mean"),
        (
            "UNVERIFIED_BUDGET",
            {"share_day": 2},
            "['share_day'] must be a number from 0 to",
        ),
        (
            "CONVERSION_BREAKER",
            {"settle": 5},
            "['settle'] must be a positive datetime",
        ),
        *(
            ("LIMITS", {"ip": rate}, "['ip'] must be a rate such as \"50/h\"")
            for rate in ("5", "5/y", 5, "", "5/h;10/d", "-5/h", "\u0663/h")
        ),
    ],
)
def test_an_entry_of_a_dict_is_refused_by_its_name(key: str, value: object, text: str) -> None:
    with override_settings(SMS_OTP={key: value}), pytest.raises(InvalidSettings) as caught:
        get_settings()

    assert str(caught.value).startswith(f"SMS_OTP[{key!r}]{text}")


def test_limits_are_merged_over_the_defaults() -> None:
    with override_settings(SMS_OTP={"LIMITS": {"ip": None, "site": "9/d"}}):
        found = get_settings()

    assert found.LIMITS == {**Settings().LIMITS, "ip": None, "site": "9/d"}
    assert found.rates("ip") == ()
    assert [str(rate) for rate in found.rates("phone")] == ["5/h", "10/d"]


def test_a_limit_that_is_off_has_no_rates() -> None:
    with override_settings(SMS_OTP={"CONTROL_MODES": {"phone": "off", "ip": "record"}}):
        assert get_settings().rates("phone") == ()
        assert [str(rate) for rate in get_settings().rates("ip")] == ["50/h"]


def test_a_bad_value_is_shown() -> None:
    with (
        override_sms_otp(CODE_LIFETIME=600),
        pytest.raises(InvalidSettings, match=r"not 600\.$"),
    ):
        get_settings()


def test_every_key_has_a_good_and_a_bad_value_here() -> None:
    keys = {each.name for each in fields(Settings)}

    assert {key for key, _ in GOOD} == keys
    assert {key for key, *_ in BAD} == keys


def test_a_generator_is_refused_like_any_other_value() -> None:
    schedule = (timedelta(seconds=seconds) for seconds in (30, 60))

    with override_sms_otp(COOLDOWN=schedule), pytest.raises(InvalidSettings, match=DURATIONS):
        get_settings()


@pytest.mark.parametrize("value", [None, [], "CODE_LENGTH", 6])
def test_settings_that_are_no_dict_are_refused(value: object) -> None:
    with (
        override_settings(SMS_OTP=value),
        pytest.raises(InvalidSettings, match=r"^SMS_OTP must be a dict\.$"),
    ):
        get_settings()


def test_without_settings_the_defaults_hold(settings: Any) -> None:
    settings.SMS_OTP = {}  # This sends setting_changed, which "del" does not.
    del settings.SMS_OTP

    in_force, defaults = get_settings(), Settings()
    for each in fields(Settings):
        assert getattr(in_force, each.name) == getattr(defaults, each.name)


def test_the_defaults_are_those_that_are_documented(settings: Any) -> None:
    settings.SMS_OTP = {}

    found = get_settings()

    assert found.CODE_LENGTH == 6
    assert timedelta(hours=1) == found.CODE_LIFETIME
    assert found.MAX_ATTEMPTS == 5
    seconds = [wait.total_seconds() for wait in found.COOLDOWN]
    assert seconds == [30, 60, 120, 300, 900]
    assert found.REQUIRE_REQUEST_ID is False
    assert found.MESSAGE == "Your code is {code}"
    assert found.UNKNOWN_NUMBERS == "register"
    assert found.ALLOW_STAFF is False
    assert found.USER_RESOLVER == "django_sms_otp.auth.users.VerifiedPhoneResolver"
    assert found.TOKEN_ISSUER == "django_sms_otp.auth.tokens.SimpleJWTIssuer"
    assert found.RETENTION == timedelta(days=30)  # noqa: SIM300
    nothing = (
        found.SECRET_KEYS,
        found.DEFAULT_REGION,
        found.ALLOWED_REGIONS,
        found.SITE_NAME,
        found.ORIGIN,
        found.USER_PHONE_FIELD,
        found.TOKEN_SERIALIZER,
    )
    assert set(nothing) == {None}


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("CODE_LENGHT", "CODE_LENGTH"),
        ("code_lifetime", None),
        ("COOLDOWNS", "COOLDOWN"),
        ("SECRET_KEY", "SECRET_KEYS"),
        ("TOKEN_ISSUERS", "TOKEN_ISSUER"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(key: str, nearest: str | None) -> None:
    with override_sms_otp(**{key: SECRET}), pytest.raises(InvalidSettings) as caught:
        get_settings()

    hint = f" Did you mean {nearest!r}?" if nearest else ""
    assert str(caught.value) == f"SMS_OTP has no setting {key!r}.{hint}"


def test_a_key_that_is_no_text_is_refused() -> None:
    with (
        override_settings(SMS_OTP={6: "CODE_LENGTH"}),
        pytest.raises(InvalidSettings, match="has no setting 6"),
    ):
        get_settings()


def test_a_hint_needs_some_likeness() -> None:
    assert did_you_mean("timeuot", ["timeout", "region"]) == " Did you mean 'timeout'?"
    assert not did_you_mean("xyz", ["timeout", "region"])


# Parsed once


def test_an_override_is_seen_and_undone() -> None:
    before = get_settings().CODE_LENGTH

    with override_settings(SMS_OTP={"CODE_LENGTH": 9}):
        assert get_settings().CODE_LENGTH == 9

    assert get_settings().CODE_LENGTH == before == 6


def test_a_broken_change_is_reported_at_every_use(settings: Any) -> None:
    settings.SMS_OTP = {"CODE_LENGTH": 99}

    for _ in range(2):
        with pytest.raises(InvalidSettings):
            get_settings()


def test_unchanged_settings_are_parsed_once() -> None:
    assert get_settings() is get_settings()


def test_another_setting_does_not_clear_the_cache() -> None:
    before = get_settings()

    with override_settings(TIME_ZONE="Europe/Berlin"):
        assert get_settings() is before


@pytest.mark.parametrize("path", [LOCMEM, DUMMY])
def test_an_override_of_the_backends_is_seen_and_undone(path: str) -> None:
    before = backend_config("default")

    with override_settings(SMS_OTP_BACKENDS={"default": {"BACKEND": path}, "second": {}}):
        assert backend_config("default") == (path, {})
        assert backend_aliases() == ["default", "second"]

    assert backend_config("default") == before
    assert backend_aliases() == ["default"]


@override_settings(SMS_OTP={"CODE_LENGTH": 9}, SMS_OTP_BACKENDS={"second": {"BACKEND": DUMMY}})
class OverriddenClass(SimpleTestCase):
    def test_an_override_of_a_class_is_seen(self) -> None:
        assert get_settings().CODE_LENGTH == 9
        assert backend_config("second") == (DUMMY, {})


def test_settings_cannot_be_changed_by_their_reader() -> None:
    with pytest.raises(AttributeError):
        get_settings().CODE_LENGTH = 4  # type: ignore[misc]


# testing.override_sms_otp


@override_sms_otp(CODE_LENGTH=8)
def test_single_keys_are_changed_by_a_decorator() -> None:
    assert get_settings().CODE_LENGTH == 8
    assert timedelta(minutes=10) == get_settings().CODE_LIFETIME


def test_single_keys_are_changed_by_a_context_manager() -> None:
    with override_sms_otp(CODE_LENGTH=8):
        assert get_settings().CODE_LENGTH == 8
        assert timedelta(minutes=10) == get_settings().CODE_LIFETIME

    assert get_settings().CODE_LENGTH == 6


def test_changes_of_single_keys_add_up() -> None:
    with override_sms_otp(CODE_LENGTH=8), override_sms_otp(MAX_ATTEMPTS=3):
        assert (get_settings().CODE_LENGTH, get_settings().MAX_ATTEMPTS) == (8, 3)


def test_single_keys_are_changed_where_the_site_has_no_settings(settings: Any) -> None:
    settings.SMS_OTP = {}
    del settings.SMS_OTP

    with override_sms_otp(CODE_LENGTH=8):
        assert get_settings().CODE_LENGTH == 8


def test_single_keys_are_changed_for_a_whole_test_class() -> None:
    seen: list[Settings] = []

    @override_sms_otp(CODE_LENGTH=8)
    class Case(SimpleTestCase):
        def runTest(self) -> None:  # noqa: N802
            seen.append(get_settings())

    unittest.TestSuite([Case()]).run(unittest.TestResult())

    assert [found.CODE_LENGTH for found in seen] == [8]
    assert [found.CODE_LIFETIME for found in seen] == [timedelta(minutes=10)]
    assert get_settings().CODE_LENGTH == 6


# Keys


def test_secret_keys_may_be_texts_and_bytes() -> None:
    with override_sms_otp(SECRET_KEYS=["newest", b"\xff older"]):
        assert secret_keys() == [b"newest", b"\xff older"]


@override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old", b"oldest"])
def test_by_default_the_keys_are_those_of_the_site_newest_first() -> None:
    assert secret_keys() == [b"new", b"old", b"oldest"]


@override_settings(SECRET_KEY=b"bytes", SECRET_KEY_FALLBACKS=[])
def test_the_key_of_the_site_may_be_bytes() -> None:
    assert secret_keys() == [b"bytes"]


@override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"])
def test_keys_of_our_own_replace_those_of_the_site() -> None:
    with override_sms_otp(SECRET_KEYS=("own",)):
        assert secret_keys() == [b"own"]


@pytest.mark.parametrize("value", [SECRET, [SECRET, 6], {SECRET}, [SECRET, ""], {SECRET: 1}])
def test_an_error_about_keys_does_not_show_them(value: object) -> None:
    with override_sms_otp(SECRET_KEYS=value), pytest.raises(InvalidSettings) as caught:
        get_settings()

    assert "SECRET_KEYS" in str(caught.value)
    assert SECRET not in repr(caught.value)


def test_an_error_about_another_key_does_not_show_the_secret_ones() -> None:
    with (
        override_sms_otp(SECRET_KEYS=[SECRET], CODE_LENGTH=99),
        pytest.raises(InvalidSettings) as caught,
    ):
        get_settings()

    assert SECRET not in repr(caught.value)


def test_a_repr_of_the_settings_does_not_show_the_keys() -> None:
    with override_sms_otp(SECRET_KEYS=[SECRET]):
        assert SECRET not in repr(get_settings())
        assert "CODE_LENGTH=6" in repr(get_settings())


# Backends


def test_without_backends_there_is_the_console(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {}
    del settings.SMS_OTP_BACKENDS

    assert backend_aliases() == ["default"]
    assert backend_config("default") == ("django_sms_otp.backends.console.SMSBackend", {})


@pytest.mark.parametrize("value", [None, {}, [], LOCMEM])
def test_backends_must_be_a_dict_with_an_entry(settings: Any, value: object) -> None:
    settings.SMS_OTP_BACKENDS = value

    with pytest.raises(InvalidSettings, match=r'SMS_OTP_BACKENDS must be a dict.*"default"'):
        get_backend()


def test_options_are_handed_on_as_a_copy(settings: Any) -> None:
    options = {"path": "folder"}
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": LOCMEM, "OPTIONS": options}}

    path, found = backend_config("default")

    assert (path, found) == (LOCMEM, options)
    assert found is not options


@pytest.mark.parametrize(
    ("entry", "advice"),
    [
        (None, 'must be a dict with "BACKEND"'),
        (LOCMEM, 'must be a dict with "BACKEND"'),
        ({}, 'must be a dict with "BACKEND"'),
        ({"BACKEND": object}, 'must be a dict with "BACKEND"'),
        ({"BACKEND": LOCMEM, "OPTION": {}}, "unknown key 'OPTION'. Did you mean 'OPTIONS'?"),
        ({"BACKEND": LOCMEM, "TIMEOUT": 1}, "unknown key 'TIMEOUT'."),
        ({"BACKEND": LOCMEM, "OPTIONS": None}, '"OPTIONS" must be a dict'),
        ({"BACKEND": LOCMEM, "OPTIONS": ["path"]}, '"OPTIONS" must be a dict'),
        ({"BACKEND": LOCMEM, "OPTIONS": {1: 2}}, '"OPTIONS" must be a dict with texts as keys'),
        ({"BACKEND": LOCMEM, "OPTIONS": {"alias": "x"}}, "OPTIONS must not name 'alias'"),
        ({"BACKEND": LOCMEM, "OPTIONS": {"path": "x"}}, "unknown option 'path'."),
        ({"BACKEND": "nowhere.SMSBackend"}, "cannot import 'nowhere.SMSBackend'"),
        ({"BACKEND": "SMSBackend"}, "cannot import 'SMSBackend'"),
        ({"BACKEND": LOCMEM.replace("SMS", "Sms")}, "cannot import"),
        ({"BACKEND": "datetime.timedelta"}, "'datetime.timedelta' is no subclass of"),
        (
            {"BACKEND": "django_sms_otp.backends.locmem.outbox"},
            "'django_sms_otp.backends.locmem.outbox' is no subclass of",
        ),
        (
            {"BACKEND": "django_sms_otp.backends.file.SMSBackend", "OPTIONS": {"paht": "x"}},
            "unknown option 'paht'. Did you mean 'path'?",
        ),
        (
            {"BACKEND": "django_sms_otp.backends.file.SMSBackend"},
            "option 'path' must name a folder",
        ),
    ],
)
def test_a_broken_entry_is_refused_with_its_alias(
    settings: Any, entry: object, advice: str
) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": LOCMEM}, "second": entry}

    with pytest.raises(InvalidBackend) as caught:
        get_backend("second")

    assert str(caught.value).startswith(f"SMS_OTP_BACKENDS['second']: {advice}")
    assert caught.value.alias == "second"


def test_an_unknown_alias_is_refused_with_the_nearest_one(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": LOCMEM}}

    with pytest.raises(InvalidBackend) as caught:
        get_backend("defalut")

    assert str(caught.value) == (
        "SMS_OTP_BACKENDS['defalut']: there is no such entry. Did you mean 'default'?"
    )


def test_an_unknown_alias_is_refused_with_all_where_none_is_near(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {name: {"BACKEND": LOCMEM} for name in ("default", "first")}

    with pytest.raises(InvalidBackend) as caught:
        get_backend("xyz")

    assert str(caught.value) == (
        "SMS_OTP_BACKENDS['xyz']: there is no such entry. There are: default, first."
    )


def test_a_broken_entry_does_not_show_the_options_of_others(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": LOCMEM, "OPTIONS": {"auth_token": SECRET}}
    }

    with pytest.raises(InvalidBackend, match="auth_token") as caught:
        get_backend()

    assert SECRET not in repr(caught.value)
