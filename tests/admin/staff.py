"""Somebody who works with the admin panel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import Limit


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, url: str, **query: str) -> str:
    answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


def limit(key: str, state: NumberState | SharedCounters | None = None, **values: Any) -> Limit:
    """Make a limits row that remembers ``state``."""
    data = state.to_json() if state else {}
    values = {"updated_at": timezone.now(), **values}
    row: Limit = Limit.objects.create(key=key, state=data, **values)
    return row


def unbounded(queries: Iterable[dict[str, Any]], table: str) -> list[str]:
    """Return the statements that read a table with no bound on the rows."""
    source = f"FROM {connection.ops.quote_name(table)}"
    on_table = [query["sql"] for query in queries if source in query["sql"]]
    assert on_table
    return [sql for sql in on_table if "LIMIT" not in sql and "MIN(" not in sql]
