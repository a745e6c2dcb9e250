"""What a client and the log are told about an error of the database, whenever it comes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import Error, InterfaceError, OperationalError, connection
from psycopg import errors

from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.services.outages import log_outage
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code
from ..support.driver_errors import raised_by_django

SECRET = "postgres://shop:pa55@db/shop +14155552671"

POOLER = errors.DuplicatePreparedStatement
"""What PostgreSQL says behind a pooler in transaction mode, to a session that keeps plans."""


def error(raised: Exception, cause: Exception, **attributes: object) -> Exception:
    """Return a database error as Django raises it for a driver's."""
    raised.__cause__ = cause
    vars(cause).update(attributes)
    return raised


@pytest.mark.parametrize(
    ("raised", "name"),
    [
        (error(OperationalError(), Exception(SECRET)), "Exception"),
        (error(OperationalError(), Exception(SECRET), sqlstate="57P01"), "Exception 57P01"),
        (error(OperationalError(), Exception(2013, SECRET)), "Exception 2013"),
        (error(InterfaceError(), Exception(0, "")), "Exception"),
        (InterfaceError(SECRET), "InterfaceError"),
        (
            error(
                OperationalError(),
                Exception(SECRET),
                sqlite_errorcode=5,
                sqlite_errorname="SQLITE_BUSY",
            ),
            "Exception SQLITE_BUSY",
        ),
    ],
)
def test_an_outage_is_logged_by_its_name_without_its_text(
    raised: Exception, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    log_outage(raised)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert f"failed with {name}:" in record.getMessage()
    assert SECRET not in caplog.text


@contextmanager
def failing(error: psycopg.Error, *where: str) -> Iterator[None]:
    """Have each statement with all of these words fail."""

    def fail(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if all(word in sql for word in where):
            raise raised_by_django(error)
        return execute(sql, *rest)

    with connection.execute_wrapper(fail):
        yield


LIMITS, CODES = Limit._meta.db_table, OTPCode._meta.db_table
COUNTS = HourlyCount._meta.db_table


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cause", [POOLER, errors.ReadOnlySqlTransaction])
def test_an_error_before_the_message_is_named_and_is_not_the_callers_fault(
    get_code: Post, caplog: pytest.LogCaptureFixture, cause: type[psycopg.Error]
) -> None:
    with failing(cause(), "SELECT", LIMITS):
        answer = get_code()
    assert (answer.status_code, body_of(answer)["code"]) == (503, "unavailable")
    assert f"The database failed with {cause.__name__} {cause.sqlstate}" in caplog.text
    assert not outbox


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cause", [POOLER, errors.UndefinedColumn, psycopg.InterfaceError])
def test_an_error_after_the_message_has_left_changes_no_answer(
    get_code: Post, caplog: pytest.LogCaptureFixture, cause: type[psycopg.Error]
) -> None:
    with failing(cause(), "UPDATE", CODES):
        answer = get_code()
    assert answer.status_code == 202
    assert len(outbox) == 1
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "was not recorded" in record.getMessage()
    assert cause.__name__ in record.getMessage()


@pytest.mark.django_db(transaction=True)
@override_sms_otp(COOLDOWN=[], LIMITS={"site": "1/h"}, CONTROL_MODES={"site": "record"})
def test_a_statistic_that_fails_changes_no_answer(
    get_code: Post, caplog: pytest.LogCaptureFixture
) -> None:
    get_code()
    with failing(POOLER(), COUNTS):
        answer = get_code()
    assert answer.status_code == 202
    assert len(outbox) == 2
    assert "not counted: DuplicatePreparedStatement 42P05." in caplog.text


@pytest.mark.django_db(transaction=True)
@override_sms_otp(UNVERIFIED_BUDGET={})
@pytest.mark.parametrize("cause", [POOLER, psycopg.InterfaceError])
def test_a_login_does_not_fail_for_the_sake_of_its_count(
    get_code: Post,
    auth_code: Post,
    caplog: pytest.LogCaptureFixture,
    cause: type[psycopg.Error],
) -> None:
    get_code()
    redeemed = False

    def fail_afterwards(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal redeemed
        redeemed = redeemed or "redeemed_at =" in sql
        if redeemed and sql.startswith("UPDATE") and LIMITS in sql and "kind" in sql:
            raise raised_by_django(cause())
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_afterwards):
        answer = auth_code(phone_number=PHONE, code=last_code())
    assert answer.status_code == 200
    assert f"Cohorts were not counted: {cause.__name__}" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_an_insertion_that_fails_for_ever_is_no_crowd(get_code: Post) -> None:
    """As when a newer version of the app has migrated already."""
    with failing(errors.NotNullViolation(), "INSERT", LIMITS), pytest.raises(Error):
        get_code()
    assert not outbox


@pytest.mark.django_db(transaction=True)
def test_a_crowd_is_logged_with_what_it_lost_to(
    get_code: Post, caplog: pytest.LogCaptureFixture
) -> None:
    with failing(errors.DeadlockDetected(), "INSERT", LIMITS):
        answer = get_code()
    assert (answer.status_code, body_of(answer)["code"]) == (503, "busy")
    [record] = [each for each in caplog.records if each.name == "django_sms_otp"]
    assert record.getMessage().endswith("was lost, last by DeadlockDetected 40P01.")
