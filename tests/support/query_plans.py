"""How a database goes about the statements that the app makes: by an index, or row by row.

Each statement is explained just before it is run, with the values that it is run with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from django_sms_otp.models import HourlyCount, Limit, OTPCode, VerifiedPhone

__all__ = ["Plan", "Watch", "watched"]

BIG = {model._meta.db_table for model in (OTPCode, Limit, VerifiedPhone, User, HourlyCount)}

MOST_SORTED = 100
"""Rows: more than any number has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    :param faults: what takes longer with each row that the tables have.
    :param tables: those that are looked at, and partitions by their own names.
    :param blocks: pages of tables and indexes that were looked at; 0: the database does not
        tell, or the statement writes.
    """

    sql: str
    faults: tuple[str, ...]
    tables: frozenset[str] = frozenset()
    blocks: int = 0


@dataclass(slots=True)
class Watch:
    plans: list[Plan] = field(default_factory=list)
    _is_explaining: bool = False

    def faults(self) -> list[str]:
        return [f"{fault}: {plan.sql}" for plan in self.plans for fault in plan.faults]

    def beyond(self, most_blocks: int) -> list[str]:
        """Return the statements that look at more."""
        return [f"{p.blocks} blocks: {p.sql}" for p in self.plans if p.blocks > most_blocks]

    def note(
        self, execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any
    ) -> Any:
        if not self._is_explaining:
            self._is_explaining = True
            try:
                if any(table in sql for table in BIG):
                    self.plans.append(EXPLAIN[connection.vendor](sql, params))
            finally:
                self._is_explaining = False
        return execute(sql, params, many, context)


@contextmanager
def watched() -> Iterator[Watch]:
    """Explain all statements of the body that touch a big table."""
    watch = Watch()
    with connection.execute_wrapper(watch.note):
        yield watch


def _postgresql(sql: str, params: Any) -> Plan:
    # What only reads may as well be run, to see what it looks at.
    options = "FORMAT JSON, ANALYZE, BUFFERS" if sql.startswith("SELECT") else "FORMAT JSON"
    [(found,)] = _rows(f"EXPLAIN ({options}) {sql}", params)
    [explained] = json.loads(found) if isinstance(found, str) else found
    plan = explained["Plan"]
    blocks = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    faults = tuple(_faults(plan, is_limited=False))
    return Plan(sql=sql, faults=faults, tables=frozenset(_tables(plan)), blocks=blocks)


def _tables(node: Mapping[str, Any]) -> Iterator[str]:
    if "Relation Name" in node:
        yield node["Relation Name"]
    for inner in node.get("Plans", ()):
        yield from _tables(inner)


def _faults(node: Mapping[str, Any], *, is_limited: bool) -> Iterator[str]:
    """:param is_limited: no more rows are asked for than fill a page."""
    kind, table = node["Node Type"], node.get("Relation Name")
    by_key = "Index Cond" in node or kind == "Bitmap Heap Scan"
    if table in BIG and not by_key and not is_limited and kind != "ModifyTable":
        yield f"{kind} on {table}"
    if table in BIG and kind == "Seq Scan" and is_limited and "Filter" in node:
        yield f"{kind} on {table}, until enough rows pass {node['Filter']}"
    if "Sort" in kind and node["Plan Rows"] > MOST_SORTED:
        yield f"{kind} of {node['Plan Rows']} rows"
    is_limited = kind == "Limit" or (is_limited and "Sort" not in kind)
    for inner in node.get("Plans", ()):
        yield from _faults(inner, is_limited=is_limited)


def _mysql(sql: str, params: Any) -> Plan:
    faults = []
    if not sql.startswith("INSERT"):
        for row in _dicts(f"EXPLAIN {sql}", params):
            limited = "LIMIT" in sql and row["type"] == "index"
            if row["table"] in BIG and row["type"] in {"ALL", "index"} and not limited:
                faults.append(f"{row['type']} on {row['table']}")
            if "filesort" in (row["Extra"] or "") and int(row["rows"]) > MOST_SORTED:
                faults.append(f"filesort of {row['rows']} rows")
    return Plan(sql=sql, faults=tuple(faults))


def _sqlite(sql: str, params: Any) -> Plan:
    steps = [str(row[-1]) for row in _rows(f"EXPLAIN QUERY PLAN {sql}", params)]
    is_limited = "LIMIT" in sql
    faults = [
        step
        for step in steps
        if (found := re.match(r"SCAN (\w+)", step))
        and found[1] in BIG
        and not (is_limited and "USING" in step)
    ]
    return Plan(sql=sql, faults=tuple(faults))


EXPLAIN: Mapping[str, Callable[[str, Any], Plan]] = MappingProxyType(
    {"postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite}
)


def _rows(sql: str, params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _dicts(sql: str, params: Any) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
