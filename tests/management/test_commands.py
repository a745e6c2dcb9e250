"""The commands: purge_otp_codes and import_verified_phones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import Model
from django.db.models.signals import ModelSignal, pre_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_sms_otp import testing
from django_sms_otp.management.commands.purge_otp_codes import (
    Deletion,
    delete_in_batches,
    old_codes,
)
from django_sms_otp.management.imports import PhoneImport
from django_sms_otp.models import HourlyCount, Limit, LimitKind, OTPCode, VerifiedPhone
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, last_code
from ..support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db

WAIT_SHORTLY = {
    "postgresql": "SET lock_timeout = 200",
    "mysql": "SET innodb_lock_wait_timeout = 1",
    "sqlite": "PRAGMA busy_timeout = 200",
}


def run(name: str, *arguments: object) -> str:
    out = StringIO()
    call_command(name, *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def purge(*arguments: object) -> str:
    return run("purge_otp_codes", *arguments)


@contextmanager
def listening(
    signal: ModelSignal, listen: Callable[..., None], model: type[Model]
) -> Iterator[None]:
    signal.connect(listen, sender=model)
    try:
        yield
    finally:
        signal.disconnect(listen, sender=model)


def old_code(**age: float) -> OTPCode:
    code: OTPCode = OTPCodeFactory.create(created_at=timezone.now() - timedelta(**age))
    return code


def limit_of(number: str, *, is_kept: bool = False, **age: float) -> Limit:
    at = timezone.now() - timedelta(**age)
    row: Limit = Limit.objects.create(
        kind=LimitKind.NUMBER, subject=number, is_kept=is_kept, updated_at=at
    )
    return row


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


def test_what_has_the_same_time_goes_at_once() -> None:
    at = timezone.now() - timedelta(days=40)
    for _ in range(5):
        OTPCodeFactory.create(created_at=at)
    OTPCodeFactory.create(created_at=at + timedelta(seconds=1))
    assert batches(old_codes(timezone.now(), timedelta(days=30)), 2) == [5, 1]


def batches(deletion: Deletion, size: int) -> list[int]:
    """Up to ten: a batch that ends where it began would be followed by itself for ever."""
    return list(islice(delete_in_batches(deletion, size), 10))


def test_a_batch_begins_where_the_one_before_it_ended() -> None:
    for number in range(5):
        old_code(days=40 - number)
    with CaptureQueriesContext(connection) as captured:
        assert batches(old_codes(timezone.now(), timedelta(days=30)), 2) == [2, 2, 1]
    deletes = [q["sql"] for q in captured if q["sql"].startswith("DELETE")]
    assert len(deletes) == 3
    assert all('created_at" >= ' in sql.replace("`", '"') for sql in deletes)


def test_a_code_that_lives_for_long_is_passed_over() -> None:
    old_code(days=42)
    long_lived = OTPCodeFactory.create(
        created_at=timezone.now() - timedelta(days=41),
        expires_at=timezone.now() + timedelta(days=1),
    )
    old_code(days=40)
    assert "Deleted 2 codes." in purge("--batch-size", 1)
    assert OTPCode.objects.get() == long_lived


def test_purge_waits_between_its_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    for number in range(5):
        old_code(days=40 - number)
    assert "Deleted 5 codes." in purge("--batch-size", 2, "--pause", 50)
    # Three transactions for the codes, and three for the limits of their numbers.
    assert waits == [0.05] * 6


@pytest.mark.parametrize("text", ["-1", "1.5", "50ms", ""])
def test_a_malformed_pause_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="no whole number of milliseconds"):
        purge(f"--pause={text}")


def test_a_retention_of_hours_keeps_limits_and_counts(get_code: Post, auth_code: Post) -> None:
    now = timezone.now().replace(minute=30)
    with (
        override_sms_otp(RETENTION=timedelta(hours=2), LIMITS={"phone": "2/d"}, COOLDOWN=[]),
        time_machine.travel(now, tick=False) as clock,
    ):
        get_code()
        code = last_code()
        assert auth_code(phone_number=PHONE, code=code).status_code == 200
        get_code()
        clock.shift(timedelta(hours=1))
        assert "Deleted 0 codes." in purge()
        clock.shift(timedelta(hours=1, minutes=30))
        assert "Deleted 2 codes.\nDeleted 0 limits." in purge()
        assert get_code().json()["code"] == "quota_exceeded"
        assert HourlyCount.objects.get(event="redeemed").count == 1
        assert HourlyCount.objects.get(event="sent").count == 2
        # Counted anew, from less: no count falls.
        run("roll_up_otp_codes")
        assert HourlyCount.objects.get(event="sent").count == 2
        assert auth_code(phone_number=PHONE, code=code).status_code == 401


def test_a_dry_run_deletes_nothing() -> None:
    old_code(days=40)
    assert "Would delete 1 codes." in purge("--dry-run")
    assert OTPCode.objects.count() == 1


def test_purge_tells_receivers_of_each_row() -> None:
    old = {old_code(days=40 - number).pk for number in range(3)}
    told = set()

    def listen(instance: OTPCode, **_rest: object) -> None:
        told.add(instance.pk)

    with listening(pre_delete, listen, OTPCode):
        assert "Deleted 3 codes." in purge()
    assert told == old
    assert not OTPCode.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_purge_lifts_no_lockout_where_django_reads_the_rows_first() -> None:
    limit_of(PHONE, days=31)
    locked_out: list[int] = []

    def guess_wrong() -> int:
        now = timezone.now()
        try:
            with connection.cursor() as cursor:
                cursor.execute(WAIT_SHORTLY[connection.vendor])
            return Limit.objects.update(is_kept=True, updated_at=now)
        except OperationalError:
            return 0
        finally:
            connection.close()

    def listen(**_rest: object) -> None:
        with ThreadPoolExecutor(1) as pool:
            locked_out.append(pool.submit(guess_wrong).result())

    with listening(pre_delete, listen, Limit):
        purge()
    # Either it had to wait for the purge, or it was first, and its row is there.
    assert locked_out == [Limit.objects.filter(is_kept=True).count()]


def test_purge_lifts_no_wait(get_code: Post) -> None:
    get_code()
    OTPCode.objects.update(created_at=timezone.now() - timedelta(days=1, hours=1))
    OTPCode.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "Deleted 1 codes.\nDeleted 0 limits." in purge("--older-than", "0s")
    assert get_code().status_code == 429


def test_purge_deletes_limits_that_count_nothing() -> None:
    limit_of(PHONE, days=31)
    kept = limit_of("+14155552672", days=29)
    assert "Deleted 1 limits." in purge()
    assert Limit.objects.get() == kept


def test_purge_lifts_no_lockout() -> None:
    locked = limit_of(PHONE, is_kept=True, days=400)
    limit_of("+14155552672", days=400)
    assert "Deleted 1 limits." in purge()
    assert Limit.objects.get() == locked


def test_shared_limits_go_earlier_than_those_of_numbers() -> None:
    for kind, subject in ((LimitKind.IP, "203.0.113.7"), (LimitKind.SITE, "")):
        at = timezone.now() - timedelta(days=20)
        Limit.objects.create(kind=kind, subject=subject, updated_at=at)
    number = limit_of(PHONE, days=20)
    assert "Deleted 2 limits." in purge()
    assert Limit.objects.get() == number


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


@pytest.mark.django_db(transaction=True)
def test_several_roll_ups_at_once_count_each_hour_once() -> None:
    hours = 60
    for number in range(hours):
        at = timezone.now() - timedelta(hours=number)
        OTPCodeFactory.create(created_at=at, sent_at=at)

    def work(_: int) -> None:
        try:
            call_command("roll_up_otp_codes", stdout=StringIO())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    counts = HourlyCount.objects.filter(event="sent").values_list("count", flat=True)
    assert [*counts] == [1] * hours


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_alone() -> None:
    for _ in range(3):
        old_code(days=40)
    terminal, pipe = Terminal(), StringIO()
    call_command("purge_otp_codes", "--batch-size", "2", stdout=StringIO(), stderr=terminal)
    assert "Deleted 2 codes\r" in terminal.getvalue()
    assert "Deleted 3 codes\r" in terminal.getvalue()
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


def test_a_code_from_before_the_import_opens_no_account(
    tmp_path: Path, get_code: Post, auth_code: Post
) -> None:
    get_code()
    take("--csv", write_csv(tmp_path, f"{UserFactory.create().pk},{PHONE}"))
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 401


def test_import_by_another_unique_field(tmp_path: Path) -> None:
    user = UserFactory.create(username="ann")
    take("--csv", write_csv(tmp_path, f"ann,{PHONE}"), "--user-field", "username")
    assert VerifiedPhone.objects.get().user == user


def test_import_from_a_field_of_the_user_model() -> None:
    UserFactory.create(last_name=PHONE)
    UserFactory.create(last_name="")
    assert "Linked 1 numbers" in take("--field", "last_name")


class NationalNumber:
    """A number as django-phonenumber-field has it, where the site shows national ones."""

    as_e164 = "+525512345678"

    def __str__(self) -> str:
        return "55 1234 5678"


def test_a_default_region_is_never_put_before_a_number_whose_country_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    UserFactory.create(last_name="55 1234 5678")
    field = User._meta.get_field("last_name")
    monkeypatch.setattr(field, "from_db_value", lambda *_: NationalNumber(), raising=False)
    take("--field", "last_name", "--default-region", "US")
    assert VerifiedPhone.objects.get().phone_number == "+525512345678"


@pytest.mark.parametrize("value", [1512345678.0, Decimal("1512345678.0"), True, b"+1"])
def test_what_is_no_text_of_a_number_is_refused(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    UserFactory.create(last_name="x")
    field = User._meta.get_field("last_name")
    monkeypatch.setattr(field, "from_db_value", lambda *_: value, raising=False)
    assert "invalid_phone_number: 1" in take("--field", "last_name", "--default-region", "DE")


def test_a_column_of_whole_numbers_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    UserFactory.create(last_name="x")
    field = User._meta.get_field("last_name")
    monkeypatch.setattr(field, "from_db_value", lambda *_: 15123456789, raising=False)
    take("--field", "last_name", "--default-region", "DE")
    assert VerifiedPhone.objects.get().phone_number == "+4915123456789"


class LooksLikeOthers(str):
    """A key that people see in short, so that two of them look alike."""

    __slots__ = ()

    @classmethod
    def of(cls, value: str, *_: object) -> LooksLikeOthers:
        return value if isinstance(value, cls) else cls(value)

    def __str__(self) -> str:
        return "a..."


def test_users_are_told_apart_by_value_and_not_by_what_people_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, _ = UserFactory.create(username="anna"), UserFactory.create(username="arno")
    field = User._meta.get_field("username")
    monkeypatch.setattr(field, "to_python", LooksLikeOthers.of)
    monkeypatch.setattr(field, "from_db_value", LooksLikeOthers.of, raising=False)
    path = write_csv(tmp_path, f"anna,{PHONE}")
    take("--csv", path, "--user-field", "username")
    assert VerifiedPhone.objects.get().user_id == anna.pk


def test_a_pasted_file_is_read(tmp_path: Path) -> None:
    user = UserFactory.create(username="anna")
    row = "\u200banna\u00a0,\u2068+1 415-555-2671\u2069"
    take("--csv", write_csv(tmp_path, row), "--user-field", "username")
    assert VerifiedPhone.objects.get().user == user


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
    output = take("--csv", path, "--report", report)
    assert "Linked 0 numbers; 0 were linked already; 8 refused." in output
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
    assert [phone.is_primary for phone in phones] == [True, None]
    take("--csv", write_csv(tmp_path, f"{user.pk},+14155552673"))
    assert VerifiedPhone.objects.filter(is_primary=True).count() == 1


def test_a_number_that_is_linked_meanwhile_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = UserFactory.create()
    create = PhoneImport._create

    def late(self: PhoneImport, new: dict[str, Any]) -> None:
        VerifiedPhoneFactory.create(phone_number=PHONE)
        create(self, new)

    monkeypatch.setattr(PhoneImport, "_create", late)
    with pytest.raises(CommandError, match="Run the command again"):
        take("--csv", write_csv(tmp_path, f"{user.pk},{PHONE}"))


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


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (f'"2,{PHONE}', "line 3 cannot be read: unexpected end of data"),
        (f'"2"x,{PHONE}', "line 3 cannot be read"),
        (f"2\0,{PHONE}", "line 3 cannot be read: NUL character"),
    ],
    ids=["unclosed quote", "text after a quote", "NUL"],
)
def test_a_file_that_is_not_csv_is_named_with_its_line(
    tmp_path: Path, row: str, text: str
) -> None:
    good = f"{UserFactory.create().pk},+14155552672"
    with pytest.raises(CommandError, match=text):
        take("--csv", write_csv(tmp_path, good, row, "3,+14155552673"))
    assert not VerifiedPhone.objects.exists()
