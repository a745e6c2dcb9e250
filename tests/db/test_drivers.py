"""What the app asks of PostgreSQL's driver that Django does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.utils import CursorWrapper

from django_sms_otp.db.drivers import takes_several
from django_sms_otp.db.plans import statement_cursor
from django_sms_otp.db.rows import Read
from django_sms_otp.db.statements import CODE_FIELDS, read_by_keys
from django_sms_otp.models import Limit

from ..conftest import PHONE
from ..support.factories import OTPCodeFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL's driver"),
]

NOW = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW.replace(year=2126)


class Tracing:
    """A cursor of a tracer's, that has what the DB-API tells of and no more."""

    def __init__(self, cursor: Any) -> None:
        self.execute, self.fetchall = cursor.execute, cursor.fetchall


@pytest.fixture
def limit() -> Limit:
    limit = Limit.objects.create(key=PHONE, state={}, version=1, updated_at=NOW)
    OTPCodeFactory.create(phone_number=PHONE, expires_at=LATER)
    return limit


def read(cursor: CursorWrapper) -> list[Any]:
    (row,) = read_by_keys.rows(cursor, 1, key0=PHONE, purpose="login", now=NOW)
    return row


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_timestamps_are_the_moments_that_django_reads(
    zone: timezone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "timezone", zone)
    with statement_cursor(connections["default"]) as cursor:
        found, (code,) = Read("default", (PHONE,), "login").all(cursor)
    assert found[PHONE].updated_at == NOW
    assert found[PHONE].updated_at.utcoffset() is not None
    assert code[CODE_FIELDS.index("expires_at")] == LATER


@pytest.mark.usefixtures("limit")
def test_timestamps_are_not_read_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db.backends.postgresql.psycopg_any import BaseTzLoader

    def load(self: object, data: object) -> None:
        raise AssertionError(data)

    monkeypatch.setattr(BaseTzLoader, "load", load)
    with statement_cursor(connections["default"]) as cursor:
        assert read(cursor)[0] == PHONE


@pytest.mark.usefixtures("limit")
def test_other_cursors_of_the_site_read_as_ever() -> None:
    with statement_cursor(connections["default"]) as cursor:
        read(cursor)
        own = cursor.cursor.adapters
    assert connection.connection.adapters is not own
    with connection.cursor() as cursor:
        oid = connection.connection.adapters.types["timestamptz"].oid
        of_site, of_connection = (
            each.adapters.get_loader(oid, 0) for each in (cursor.cursor, connection.connection)
        )
        assert of_site is of_connection


@pytest.mark.usefixtures("limit")
def test_a_cursor_may_lack_what_is_psycopgs_own() -> None:
    with connection.cursor() as cursor:
        assert takes_several(cursor)
        bare = CursorWrapper(Tracing(cursor.cursor), connection)
        assert not takes_several(bare)
        assert read(bare)[0] == PHONE
