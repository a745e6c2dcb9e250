"""A member of staff, and rows of limits for the admin to show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from django_sms_otp.limits.keys import NUMBER, LimitKey
from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import Limit

LIMITS = "/admin/django_sms_otp/limit/"


def staff(*permissions: str, name: str = "clerk") -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, url: str, **query: str) -> str:
    answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


def limit(text: str, state: NumberState | SharedCounters | None = None, **values: Any) -> Limit:
    """Make the row of a phone number, or of a key such as ``ip:203.0.113.7``."""
    key = _key(text)
    if isinstance(state, SharedCounters):
        values["uses"] = state.uses
    data = state.to_json() if state else {}
    values = {"updated_at": timezone.now(), **values}
    row: Limit = Limit.objects.create(kind=key.kind, subject=key.subject, state=data, **values)
    return row


def row_of(text: str) -> Limit:
    """Read the row that :func:`limit` has made for this text."""
    key = _key(text)
    row: Limit = Limit.objects.get(kind=key.kind, subject=key.subject)
    return row


def limit_page(row: Limit, view: str = "change") -> str:
    """Return the address of a row's own page or of its history."""
    return f"{LIMITS}{row.pk}/{view}/"


def _key(text: str) -> LimitKey:
    return LimitKey(NUMBER, text) if text.startswith("+") else LimitKey.parse(text)


def unbounded(queries: Iterable[dict[str, Any]], table: str) -> list[str]:
    """Return the statements that read a table without a bound on the rows."""
    source = f"FROM {connection.ops.quote_name(table)}"
    on_table = [query["sql"] for query in queries if source in query["sql"]]
    assert on_table
    return [sql for sql in on_table if "LIMIT" not in sql and "MIN(" not in sql]
