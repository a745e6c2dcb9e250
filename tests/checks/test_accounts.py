"""Checks of stored numbers, and of the library that reads them."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import django
import phonenumbers
import pytest
from django.core import checks
from django.core.management import call_command
from django.test import override_settings

from django_sms_otp.auth.users import UserFieldResolver
from django_sms_otp.phone import number as number_module
from django_sms_otp.testing import override_sms_otp

from ..support.customers.models import EmailCustomer, PhoneCustomer
from ..support.factories import VerifiedPhoneFactory

BY_FIELD = {
    "USER_RESOLVER": "django_sms_otp.auth.users.UserFieldResolver",
    "USER_PHONE_FIELD": "phone",
    "DEFAULT_REGION": "US",
}


def texts(number: str, **options: Any) -> list[str]:
    tags = [checks.Tags.security, checks.Tags.database]
    found = checks.run_checks(tags=tags, **options)
    return [each.msg for each in found if each.id == f"sms_otp.{number}"]


WHEN = [{"include_deployment_checks": True}, {"databases": ["default"]}]


@pytest.mark.parametrize("when", WHEN)
def test_w019_counts_and_masks_numbers_that_are_valid_no_more(when: dict[str, Any]) -> None:
    for number in ("+22997123456", "+22507123456", "+14155552671"):
        VerifiedPhoneFactory.create(phone_number=number)
    [text] = texts("W019", **when)
    assert "2 of the first 10000 numbers in django_sms_otp.VerifiedPhone.phone_number" in text
    assert "valid no more: +229******56, +225******56" in text
    assert "97123456" not in text


@pytest.mark.parametrize("when", WHEN)
def test_w019_names_a_column_that_no_login_finds(when: dict[str, Any]) -> None:
    for number in ("(415) 555-2671", "4155552672", "+541123456789", "+14155552673"):
        PhoneCustomer.objects.create(phone=number)
    with (
        override_settings(AUTH_USER_MODEL="customers.PhoneCustomer"),
        override_sms_otp(**BY_FIELD),
    ):
        [text] = texts("W019", **when)
    assert "3 of the first 10000 numbers in customers.PhoneCustomer.phone" in text
    assert "not in E.164, as the app reads them" in text


def test_w019_is_silent_on_good_numbers_and_asks_once() -> None:
    VerifiedPhoneFactory.create()
    both = {"include_deployment_checks": True, "databases": ["default"]}
    assert texts("W019", **both) == []
    VerifiedPhoneFactory.create(phone_number="+22997123456")
    assert len(texts("W019", **both)) == 1
    if django.VERSION < (6, 1):  # Newer ones ask the database unasked.
        assert texts("W019") == []
    with override_sms_otp(REFUSED_NUMBER_TYPES=[]):
        assert texts("W019", **both) == []


class KnowingResolver(UserFieldResolver):
    def last_used_at(self, user: Any, phone_number: Any) -> None:
        return None


@pytest.mark.parametrize(
    ("ours", "problems"),
    [
        ({"STALE_AFTER": timedelta(days=365)}, 1),
        ({"STALE_AFTER": None}, 0),
        (
            {
                "STALE_AFTER": timedelta(days=365),
                "USER_RESOLVER": f"{__name__}.KnowingResolver",
            },
            0,
        ),
    ],
)
def test_e023_a_resolver_that_does_not_know_when_a_number_was_used(
    ours: dict[str, Any], problems: int
) -> None:
    with override_sms_otp(**{**BY_FIELD, **ours}):
        assert len(texts("E023")) == problems
    with override_sms_otp(STALE_AFTER=timedelta(days=365)):
        assert texts("E023") == []


@pytest.mark.parametrize("when", WHEN)
def test_w004_is_seen_under_deploy_too(when: dict[str, Any]) -> None:
    EmailCustomer.objects.create(email="a@example.com", mobile="+14155552671")
    with override_settings(AUTH_USER_MODEL="customers.EmailCustomer"):
        assert "'mobile'" in texts("W004", **when)[0]


@pytest.mark.django_db(transaction=True)
def test_the_first_migrate_tells_what_its_own_checks_could_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    EmailCustomer.objects.create(email="a@example.com", mobile="+14155552671")
    with override_settings(AUTH_USER_MODEL="customers.EmailCustomer"):
        call_command("migrate", "django_sms_otp", "zero", fake=True, verbosity=0)
        call_command("migrate", "django_sms_otp", fake=True, skip_checks=True)
        assert "(sms_otp.W004)" in capsys.readouterr().err
        # Later ones show it before they begin.
        call_command("migrate", skip_checks=True)
        assert "W004" not in capsys.readouterr().err


def distribution(folder: Path, name: str, version: str) -> None:
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir()
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (place / "METADATA").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("phonenumberslite", "are both installed, into one folder"),
        ("phonenumbers", f"as 8.0, but its files are those of {phonenumbers.__version__}"),
    ],
)
def test_e022_a_library_whose_files_are_of_two_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    distribution(tmp_path, name, "8.0")
    monkeypatch.syspath_prepend(tmp_path)
    assert text in texts("E022")[0]


def test_e022_a_region_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    regions = {*phonenumbers.SUPPORTED_REGIONS, "QQ"}
    monkeypatch.setattr(phonenumbers, "SUPPORTED_REGIONS", regions)
    assert "lacks the data of 1 regions, such as QQ" in texts("E022")[0]


def test_e022_is_silent_on_a_whole_library() -> None:
    assert texts("E022") == []


def test_a_library_without_its_files_says_how_to_mend_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What is left is a folder without files, which Python imports as an empty package.
    monkeypatch.setitem(sys.modules, "phonenumbers", ModuleType("phonenumbers"))
    spec = util.spec_from_file_location("django_sms_otp.phone.again", number_module.__file__)
    assert spec
    assert spec.loader
    with pytest.raises(ImportError, match="--force-reinstall phonenumbers"):
        spec.loader.exec_module(util.module_from_spec(spec))


@pytest.mark.parametrize(
    ("number", "until", "problems"),
    [
        ("+14155550100", date(2027, 3, 1), []),
        ("+14155550100", None, ["['+1********00'] has no end"]),
        ("+14155552671", date(2027, 3, 1), ["['+1********71'] may be a person's number"]),
        ("+14155552671", None, ["has no end", "may be a person's"]),
    ],
)
def test_w020_names_test_numbers_that_last_or_may_be_a_persons(
    number: str, until: date | None, problems: list[str]
) -> None:
    numbers = {number: {"code": "492817", "until": until}}
    with override_sms_otp(TEST_NUMBERS=numbers):
        assert texts("W020") == []
        found = texts("W020", include_deployment_checks=True)
    assert len(found) == len(problems)
    assert all(part in text for part, text in zip(problems, found, strict=True))
    assert "492817" not in "".join(found)


def test_w019_leaves_test_numbers_out() -> None:
    VerifiedPhoneFactory.create(phone_number="+447700900123", is_test=True)
    assert len(texts("W019", databases=["default"])) == 1
    with override_sms_otp(TEST_NUMBERS={"+447700900123": {"code": "492817"}}):
        assert texts("W019", databases=["default"]) == []


AXES = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
BY_NUMBER: dict[str, Any] = {
    "AUTHENTICATION_BACKENDS": AXES,
    "AXES_USERNAME_FORM_FIELD": "phone_number",
    "AXES_LOCKOUT_PARAMETERS": ["username"],
}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"AXES_LOCKOUT_PARAMETERS": ["ip_address", "username"]},
        {"AXES_LOCKOUT_PARAMETERS": [["username", "user_agent"]]},
    ],
)
def test_w023_masked_numbers_are_no_names_to_lock_out_by(changed: dict[str, Any]) -> None:
    with override_settings(**BY_NUMBER | changed):
        assert "lock out all that end in the same digits" in texts("W023")[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"AUTHENTICATION_BACKENDS": AXES[1:]},
        {"AXES_USERNAME_FORM_FIELD": "username"},
        {"AXES_USERNAME_CALLABLE": "shop.logins.name"},
        {"AXES_LOCKOUT_PARAMETERS": ["ip_address"]},
        {"AXES_LOCKOUT_PARAMETERS": [["username", "ip_address"]]},
        {"AXES_LOCKOUT_PARAMETERS": "shop.logins.parameters"},
        {"AXES_LOCKOUT_PARAMETERS": None},
    ],
)
def test_w023_is_silent_where_each_number_is_its_own(changed: dict[str, Any]) -> None:
    with override_settings(**BY_NUMBER | changed):
        assert texts("W023") == []
