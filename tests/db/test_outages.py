"""What counts as a database that is out of reach, and what an error is called in the log."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, Error, IntegrityError, connection
from psycopg import errors

from django_sms_otp.db import error_name, is_outage

from ..support.driver_errors import raised_by_django

OF_THE_SERVER = [
    psycopg.OperationalError("the connection is lost"),
    psycopg.InterfaceError("the connection is closed"),
    errors.QueryCanceled(),
    errors.LockNotAvailable(),
    errors.TooManyConnections(),
    errors.AdminShutdown(),
    # psycopg takes these for errors of the program.
    errors.ReadOnlySqlTransaction(),
    errors.IdleInTransactionSessionTimeout(),
    errors.DuplicatePreparedStatement(),
    errors.InvalidSqlStatementName(),
]
OF_THE_PROGRAM = [
    errors.UndefinedTable(),
    errors.UniqueViolation(),
    errors.StringDataRightTruncation(),
    errors.InFailedSqlTransaction(),
]


def name(error: psycopg.Error) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", OF_THE_SERVER, ids=name)
def test_an_error_of_the_server_or_the_connection_is_an_outage(error: psycopg.Error) -> None:
    assert is_outage(raised_by_django(error))


@pytest.mark.parametrize("error", OF_THE_PROGRAM, ids=name)
def test_an_error_of_the_program_is_none(error: psycopg.Error) -> None:
    assert not is_outage(raised_by_django(error))


@pytest.mark.parametrize("error", [DatabaseError(), IntegrityError(), ValueError()], ids=repr)
def test_an_error_without_a_code_is_none(error: Exception) -> None:
    assert not is_outage(error)


@pytest.mark.django_db(transaction=True)
def test_a_table_that_was_never_made_is_no_outage() -> None:
    with pytest.raises(DatabaseError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM django_sms_otp_nothing")
    assert not is_outage(caught.value)


def test_an_error_is_called_by_what_caused_it_first() -> None:
    error = raised_by_django(errors.DuplicatePreparedStatement())
    assert error_name(error) == "DuplicatePreparedStatement 42P05"
    later = Error()
    later.__cause__ = error
    assert error_name(later) == "DuplicatePreparedStatement 42P05"
