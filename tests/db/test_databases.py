"""What a site may have set for its databases: a login works, or says why it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from django_sms_otp import services
from django_sms_otp.auth.users import UserFieldResolver
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import LinkedNumber
from tests.api.test_site_differences import EXPECTED, story
from tests.conftest import PHONE
from tests.support import sites
from tests.support.factories import UserFactory, VerifiedPhoneFactory
from tests.support.server import Server


@pytest.mark.parametrize(
    ("site", "id_"), [("local_time", "sms_otp.E008"), ("manual_commit", "sms_otp.E018")]
)
def test_the_checks_refuse_a_site(site: str, id_: str) -> None:
    errors = sites.check(site)
    assert id_ in errors
    if django.VERSION < (6, 1):  # Newer ones warn of something of their own.
        assert "1 issue" in errors


def test_without_autocommit_nothing_is_sent(transactional_db: None, tmp_path: Path) -> None:
    with Server(tmp_path, database={"AUTOCOMMIT": False}) as server:
        assert server.post("get-code", phone_number=PHONE).status == 500
        assert server.messages(PHONE) == []
        assert "InsideTransaction: Autocommit is off on the database 'default'" in server.log()
    assert not OTPCode.objects.exists()
    assert not Limit.objects.exists()


# A replica


@pytest.fixture
def replica(settings: Any) -> None:
    """Send each read that names no database to one that is not there."""
    settings.DATABASE_ROUTERS = ["tests.support.sites.routers.ReplicaRouter"]


@pytest.mark.usefixtures("replica")
@pytest.mark.django_db(transaction=True)
def test_the_story_reads_nothing_from_a_replica(client: Client) -> None:
    assert story(client) == EXPECTED


@pytest.mark.usefixtures("replica")
@pytest.mark.django_db
def test_the_field_of_a_user_is_not_read_from_a_replica(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "customers.PhoneCustomer"
    settings.SMS_OTP = {"USER_PHONE_FIELD": "phone"}
    assert UserFieldResolver().get_user(parse_phone_number(PHONE)) is None


@pytest.mark.usefixtures("replica")
@pytest.mark.django_db(transaction=True)
def test_numbers_are_not_read_from_a_replica() -> None:
    row = VerifiedPhoneFactory.create(is_primary=True)
    [number] = services.numbers_of(row.user)
    assert isinstance(services.make_primary(row.user, number.id), LinkedNumber)
    assert isinstance(services.unlink_number(row.user, number.id, force=True), LinkedNumber)


@pytest.mark.usefixtures("replica")
@pytest.mark.django_db
def test_the_commands_read_nothing_from_a_replica(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text(f"user,phone_number\n{UserFactory.create().pk},{PHONE}\n")
    call_command("import_verified_phones", csv=numbers)
    call_command("purge_otp_codes")
    assert VerifiedPhone.objects.using("default").get().phone_number == PHONE


# Users in one database, this app's models in another


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """Log in where both databases have ATOMIC_REQUESTS, and the first round is lost late."""
    return sites.visit("two_databases")


def test_the_story_with_users_and_codes_in_two_databases(report: dict[str, Any]) -> None:
    steps = ("malformed", "get_code", "cooldown", "wrong_code", "auth_code", "used_code")
    assert [report[step]["status"] for step in steps] == [400, 202, 429, 401, 200, 401]
    assert report["access_holder"]["pk"] == report["users"][0]["pk"]


def test_a_lost_round_leaves_no_account_in_the_other_database(report: dict[str, Any]) -> None:
    assert len(report["users"]) == 1


def test_a_login_waits_for_a_writer_in_the_other_database() -> None:
    """SQLite refuses the write of a transaction that has read, while another one writes."""
    answer = sites.visit("two_databases", "beside_a_writer")
    assert answer == {"answer": "Redeemed", "users": 2}


def test_numbers_are_changed_with_users_and_codes_in_two_databases() -> None:
    assert sites.visit("two_databases", "change_numbers") == {
        "answers": ["NumberLinked", "NumberLinked", "NumberLinked", "last_way_in"],
        "numbers": {"ada": ["+14155550132"], "bob": []},
    }


@pytest.mark.django_db
@pytest.mark.parametrize("model", [OTPCode, VerifiedPhone])
def test_in_one_database_a_constraint_holds_the_user(model: Any) -> None:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, model._meta.db_table)
    keys = [each["foreign_key"] for each in constraints.values()]
    assert ("auth_user", "id") in keys
