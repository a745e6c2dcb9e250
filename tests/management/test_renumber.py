"""The command renumber_verified_phones."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_sms_otp import services
from django_sms_otp.management.renumbering import Renumbering
from django_sms_otp.models import Limit, LimitKind, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed
from django_sms_otp.testing import override_sms_otp

from ..conftest import last_code
from ..support.customers.models import PhoneCustomer
from ..support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db

OLD, NEW = "+22997123456", "+2290197123456"


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("renumber_verified_phones", *map(str, arguments), stdout=out)
    return out.getvalue()


def write_csv(folder: Path, *rows: str) -> Path:
    path = folder / "numbers.csv"
    path.write_text("\n".join(["old,new", *rows]) + "\n", encoding="utf-8")
    return path


def numbers() -> list[str]:
    return [*VerifiedPhone.objects.order_by("pk").values_list("phone_number", flat=True)]


@pytest.mark.parametrize(
    ("region", "old", "new"),
    [
        ("BJ", OLD, NEW),
        ("BR", "+551187654321", "+5511987654321"),
        ("CI", "+22507123456", "+2250707123456"),
        ("CI", "+22505123456", "+2250505123456"),
        ("CI", "+22541234567", "+2250141234567"),
    ],
)
def test_a_rule_renumbers_a_country(region: str, old: str, new: str) -> None:
    for number in (old, "+14155552671"):
        VerifiedPhoneFactory.create(phone_number=number)
    assert "Changed 1 numbers; 0 are right already; 0 conflicts." in run("--rule", region)
    assert numbers() == [new, "+14155552671"]
    assert "Changed 0 numbers" in run("--rule", region)


def test_a_renumbered_number_opens_its_old_account() -> None:
    user = VerifiedPhoneFactory.create(phone_number=OLD).user
    run("--rule", "BJ")
    number = parse_phone_number(NEW)
    services.request_code(number)
    answer: object = services.redeem_code(last_code(), phone_number=number)
    assert isinstance(answer, Redeemed)
    assert (answer.user, answer.registered) == (user, False)


def test_numbers_that_are_one_line_are_written_as_the_app_reads_them() -> None:
    for number in ("+541123456789", "+5215512345678", "+14155552671"):
        VerifiedPhoneFactory.create(phone_number=number)
    output = run("--normalise")
    assert "Changed 2 numbers; 1 are right already; 0 conflicts." in output
    assert numbers() == ["+5491123456789", "+525512345678", "+14155552671"]


def test_a_column_of_the_users_is_normalised() -> None:
    wrong = ["(415) 555-2671", "4155552672", "+14155552673", "12", "(415) 555 2671"]
    keys = [PhoneCustomer.objects.create(phone=number).pk for number in wrong]
    field = {
        "USER_RESOLVER": "django_sms_otp.auth.users.UserFieldResolver",
        "USER_PHONE_FIELD": "phone",
    }
    with (
        override_settings(AUTH_USER_MODEL="customers.PhoneCustomer"),
        override_sms_otp(**field),
    ):
        output = run("--normalise", "--default-region", "US")
    assert "Changed 1 numbers; 1 are right already; 3 conflicts." in output
    assert "shared_by_several_rows: 2" in output
    assert "invalid_phone_number: 1" in output
    stored = {each.pk: each.phone for each in PhoneCustomer.objects.all()}
    assert [stored[key] for key in keys] == [wrong[0], "+14155552672", *wrong[2:]]


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    VerifiedPhoneFactory.create(phone_number=OLD)
    assert "Would change 1 numbers" in run("--rule", "BJ", "--dry-run")
    assert numbers() == [OLD]


@pytest.mark.parametrize("is_same_user", [False, True])
def test_a_number_that_is_taken_is_named_and_stays(tmp_path: Path, is_same_user: bool) -> None:
    """Its holder has registered anew, or has two numbers: staff decide."""
    phone = VerifiedPhoneFactory.create(phone_number=OLD)
    user = phone.user if is_same_user else UserFactory.create()
    VerifiedPhoneFactory.create(phone_number=NEW, user=user)
    report = tmp_path / "report.csv"
    assert "0 numbers; 0 are right already; 1 conflicts" in run(
        "--rule", "BJ", "--report", report
    )
    reason = "taken_by_the_same_user" if is_same_user else "taken_by_another_user"
    assert report.read_text().splitlines()[1] == (
        f"{phone.pk},+229******56,+229********56,{reason}"
    )
    assert numbers() == [OLD, NEW]


def test_a_number_that_becomes_free_may_be_taken(tmp_path: Path) -> None:
    for last in (1, 2, 3, 4):
        VerifiedPhoneFactory.create(phone_number=f"+1415555267{last}")
    path = write_csv(
        tmp_path,
        "+14155552671,+14155552672",
        "+14155552672,+1 (415) 555-2679",
        "+14155552673,+14155552674",
        "+14155552674,+14155552673",
    )
    output = run("--csv", path)
    assert "Changed 2 numbers" in output
    assert "taken_by_another_user: 2" in output
    assert numbers() == ["+14155552672", "+14155552679", "+14155552673", "+14155552674"]


def test_wrong_guesses_follow_a_number_and_its_codes_end() -> None:
    VerifiedPhoneFactory.create(phone_number=OLD)
    code = OTPCodeFactory.create(phone_number=OLD, region="BJ")
    state = {"strangers": {"consecutive": 99, "recent": [1.0]}}
    Limit.objects.filter(subject=OLD).update(state=state, is_kept=True)
    run("--rule", "BJ")
    limit = Limit.objects.get(kind=LimitKind.NUMBER)
    assert (limit.subject, limit.state, limit.version) == (NEW, state, 1)
    code.refresh_from_db()
    assert code.superseded_at is not None


def test_a_lockout_follows_to_a_number_that_is_in_use_already() -> None:
    VerifiedPhoneFactory.create(phone_number=OLD)
    states = {
        OLD: {"guesses": {"consecutive": 100, "groups": {"strangers": [9, [1.0, 2.0]]}}},
        NEW: {
            "guesses": {
                "consecutive": 3,
                "groups": {"known": [1, [4.0]], "strangers": [2, [3.0]]},
            },
            "unredeemed": 1,
        },
    }
    for number, state in states.items():
        OTPCodeFactory.create(phone_number=number, region="BJ")
        Limit.objects.filter(subject=number).update(state=state, is_kept=True)
    run("--rule", "BJ")
    limit = Limit.objects.get(kind=LimitKind.NUMBER)
    assert (limit.subject, limit.is_kept) == (NEW, True)
    groups = {"strangers": [9, [1.0, 2.0, 3.0]], "known": [1, [4.0]]}
    assert limit.state == {
        "guesses": {"consecutive": 100, "groups": groups},
        "unredeemed": 1,
    }


def test_all_is_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (
        VerifiedPhoneFactory.create(phone_number=number) for number in (OLD, "+22997123457")
    )
    plan = Renumbering.plan

    def meanwhile(self: Renumbering, *arguments: Any) -> None:
        plan(self, *arguments)
        VerifiedPhone.objects.filter(pk=second.pk).delete()

    monkeypatch.setattr(Renumbering, "plan", meanwhile)
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("--rule", "BJ")
    first.refresh_from_db()
    assert first.phone_number == OLD


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (["+22997123456,12"], "invalid_phone_number: 1"),
        (["+22997123456,"], "Changed 0 numbers"),
    ],
)
def test_a_new_number_that_is_none_is_named(tmp_path: Path, rows: list[str], text: str) -> None:
    VerifiedPhoneFactory.create(phone_number=OLD)
    assert text in run("--csv", write_csv(tmp_path, *rows))
    assert numbers() == [OLD]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "required"),
        (["--rule", "US"], "invalid choice"),
        (["--csv", "missing.csv"], "No such file"),
        (["--csv", __file__], "has no column"),
        (["--rule", "BJ", "--default-region", "US"], "goes with --normalise"),
        (["--normalise", "--default-region", "XX"], "'XX' must exist"),
    ],
)
def test_bad_arguments_are_named(arguments: list[str], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        run(*arguments)


def test_two_new_numbers_for_one_are_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path, f"{OLD},{NEW}", f"{OLD},+14155552671")
    with pytest.raises(CommandError, match=r"several new numbers for \+229\*"):
        run("--csv", path)


@pytest.mark.parametrize("row", [f'"{OLD},{NEW}', f"{OLD}\0,{NEW}"], ids=["quote", "NUL"])
def test_a_file_that_is_not_csv_is_named_with_its_line(tmp_path: Path, row: str) -> None:
    VerifiedPhoneFactory.create(phone_number=OLD)
    with pytest.raises(CommandError, match="line 3 cannot be read"):
        run("--csv", write_csv(tmp_path, f"{OLD},{NEW}", row))
    assert numbers() == [OLD]
