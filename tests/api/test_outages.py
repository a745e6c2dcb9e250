"""What counts as a database that is out of reach."""

from __future__ import annotations

import logging

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
)

from django_sms_otp.api.outages import is_outage, log_outage

SECRET = "postgres://shop:pa55@db/shop +14155552671"


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
    assert is_outage(raised)

    log_outage(raised)

    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert f"failed with {name}:" in record.getMessage()
    assert SECRET not in caplog.text


@pytest.mark.parametrize("raised", [DatabaseError(), IntegrityError(), ValueError()])
def test_another_error_is_none(raised: Exception) -> None:
    assert not is_outage(raised)


@pytest.mark.django_db(transaction=True)
def test_a_table_that_was_never_made_is_no_outage() -> None:
    with pytest.raises(DatabaseError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM django_sms_otp_nothing")

    assert not is_outage(caught.value)
