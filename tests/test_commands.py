"""The commands: purge_otp_codes and import_verified_phones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from django_sms_otp import testing
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone

from .conftest import PHONE, Post
from .factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db


def run(name: str, *arguments: object) -> str:
    out = StringIO()
    call_command(name, *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def purge(*arguments: object) -> str:
    return run("purge_otp_codes", *arguments)


def old_code(**age: float) -> OTPCode:
    code: OTPCode = OTPCodeFactory.create(created_at=timezone.now() - timedelta(**age))
    return code


def test_purge_keeps_what_is_young_enough() -> None:
    old_code(days=31)
    young = old_code(days=29)
    assert "Deleted 1 codes." in purge()
    assert OTPCode.objects.get() == young


def test_purge_takes_another_age() -> None:
    old_code(hours=3)
    old_code(hours=1)
    assert "Deleted 1 codes." in purge("--older-than", "2h")


def test_purge_never_deletes_a_code_that_lives() -> None:
    code = OTPCodeFactory.create()
    assert "Deleted 0 codes." in purge("--older-than", "0s")
    assert OTPCode.objects.get() == code


def test_purge_works_in_batches() -> None:
    for _ in range(7):
        old_code(days=40)
    assert "Deleted 7 codes." in purge("--batch-size", 3)


def test_a_dry_run_deletes_nothing() -> None:
    old_code(days=40)
    assert "Would delete 1 codes." in purge("--dry-run")
    assert OTPCode.objects.count() == 1


def test_purge_lifts_no_wait(get_code: Post) -> None:
    get_code()
    OTPCode.objects.update(created_at=timezone.now() - timedelta(days=1, hours=1))
    OTPCode.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "Deleted 1 codes.\nDeleted 0 limits." in purge("--older-than", "0s")
    assert get_code().status_code == 429


def test_purge_deletes_limits_that_count_nothing() -> None:
    Limit.objects.create(key=PHONE, updated_at=timezone.now() - timedelta(days=31))
    Limit.objects.create(key="+14155552672", updated_at=timezone.now() - timedelta(days=29))
    assert "Deleted 1 limits." in purge()


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1y", "٣d"])
def test_a_malformed_duration_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="write 90s, 45m, 12h, 30d or 2w"):
        purge(f"--older-than={text}")


@pytest.mark.parametrize("text", ["0", "-5", "x", ""])
def test_a_malformed_batch_size_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="no whole number above 0"):
        purge(f"--batch-size={text}")


@pytest.mark.django_db(transaction=True)
def test_two_purges_at_once_delete_each_row_once() -> None:
    for _ in range(60):
        old_code(days=40)

    def work(_: int) -> int:
        try:
            return int(purge("--batch-size", 5).split()[1])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(work, range(2)))
    assert sum(counts) == 60
    assert not OTPCode.objects.exists()


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_alone() -> None:
    for _ in range(3):
        old_code(days=40)
    terminal, pipe = Terminal(), StringIO()
    call_command("purge_otp_codes", "--batch-size", "2", stdout=StringIO(), stderr=terminal)
    assert "Deleted 2 codes ..." in terminal.getvalue()
    assert "Deleted 3 codes ..." in terminal.getvalue()
    old_code(days=40)
    call_command("purge_otp_codes", stdout=StringIO(), stderr=pipe)
    assert pipe.getvalue() == ""


def write_csv(folder: Path, *rows: str) -> Path:
    path = folder / "numbers.csv"
    path.write_text("\n".join(["user,phone_number", *rows]) + "\n", encoding="utf-8")
    return path


def take(*arguments: object) -> str:
    return run("import_verified_phones", *arguments)


def test_import_links_numbers_of_a_csv(tmp_path: Path, get_code: Post, auth_code: Post) -> None:
    user = UserFactory.create()
    path = write_csv(tmp_path, f"{user.pk},+1 (415) 555-2671")
    assert "Linked 1 numbers; 0 were linked already; 0 refused." in take("--csv", path)
    get_code()
    auth_code(phone_number=PHONE, code=testing.outbox[-1].code)
    assert list(User.objects.all()) == [user]


def test_import_by_another_unique_field(tmp_path: Path) -> None:
    user = UserFactory.create(username="ann")
    take("--csv", write_csv(tmp_path, f"ann,{PHONE}"), "--user-field", "username")
    assert VerifiedPhone.objects.get().user == user


def test_import_from_a_field_of_the_user_model() -> None:
    UserFactory.create(last_name=PHONE)
    UserFactory.create(last_name="")
    assert "Linked 1 numbers" in take("--field", "last_name")


def test_import_says_what_it_refuses_and_why(tmp_path: Path) -> None:
    one, two = UserFactory.create(), UserFactory.create()
    VerifiedPhoneFactory.create(phone_number="+14155550001")
    path = write_csv(
        tmp_path,
        f"{one.pk},{PHONE}",
        f"{two.pk},{PHONE}",
        f"{one.pk},+14155550001",
        f"{one.pk},12",
        f"{one.pk},+18005551234",
        f"{one.pk},+881612345678",
        "nobody,+14155550002",
        "999999,+14155550003",
    )
    report = tmp_path / "report.csv"
    said = take("--csv", path, "--report", report)
    assert "Linked 0 numbers; 0 were linked already; 8 refused." in said
    reasons = [line.rsplit(",", 1)[1] for line in report.read_text().splitlines()[1:]]
    assert sorted(reasons) == sorted(
        ["shared_by_several_users"] * 2
        + ["belongs_to_another_user", "invalid_phone_number", "phone_number_not_sms_capable"]
        + ["region_not_supported", "unknown_user", "unknown_user"]
    )
    assert PHONE not in report.read_text()


def test_import_twice_changes_nothing(tmp_path: Path) -> None:
    path = write_csv(tmp_path, f"{UserFactory.create().pk},{PHONE}")
    take("--csv", path)
    assert "Linked 0 numbers; 1 were linked already" in take("--csv", path)
    assert VerifiedPhone.objects.count() == 1


def test_the_first_number_of_a_user_is_the_primary_one(tmp_path: Path) -> None:
    user = UserFactory.create()
    take("--csv", write_csv(tmp_path, f"{user.pk},{PHONE}", f"{user.pk},+14155552672"))
    phones = VerifiedPhone.objects.order_by("phone_number")
    assert [phone.is_primary for phone in phones] == [True, False]


def test_import_in_a_dry_run_links_nothing(tmp_path: Path) -> None:
    path = write_csv(tmp_path, f"{UserFactory.create().pk},{PHONE}")
    assert "Would link 1 numbers" in take("--csv", path, "--dry-run")
    assert not VerifiedPhone.objects.exists()


def test_import_of_national_numbers_needs_a_region(tmp_path: Path) -> None:
    path = write_csv(tmp_path, f"{UserFactory.create().pk},(415) 555-2671")
    assert "1 refused" in take("--csv", path)
    assert "Linked 1 numbers" in take("--csv", path, "--default-region", "US")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--field", "phone"], "has no field 'phone'"),
        (["--field", "first_name", "--user-field", "username"], "goes with --csv"),
        (["--field", "first_name", "--default-region", "XX"], "no region 'XX'"),
        (["--csv", "missing.csv"], "No such file"),
        (["--csv", __file__], "has no column"),
        (["--csv", __file__, "--user-field", "first_name"], "is not unique"),
    ],
)
def test_bad_arguments_of_the_import_are_named(arguments: list[str], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        take(*arguments)
