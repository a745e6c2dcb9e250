"""The SQL of each database for the few things that filling a table needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.db import connection

__all__ = ["Dialect", "dialect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Templates of SQL.

    :param series: a table of the numbers ``n`` from 1 to ``{count}``.
    :param digest: 32 hexadecimal digits that differ for each ``n``.
    :param request_id: the same as the key of a code.
    :param later: a time so many ``{microseconds}`` after ``{start}``.
    :param text: a number as text.
    :param joined: texts, one after the other.
    :param analyze: tells the planner about a ``{table}``; empty where it needs none.
    """

    series: str
    digest: str
    request_id: str
    later: str
    text: str
    joined: Callable[[tuple[str, ...]], str]
    analyze: str


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "postgresql": Dialect(
            series="generate_series(1::bigint, {count}) AS series(n)",
            digest="md5(n::text)",
            request_id="md5(n::text)::uuid",
            later="TIMESTAMPTZ '{start}+00' + ({microseconds}) * INTERVAL '1 microsecond'",
            text="({number})::text",
            joined=" || ".join,
            analyze="VACUUM ANALYZE {table}",
        ),
        "mysql": Dialect(
            series="(SELECT seq AS n FROM seq_1_to_{count}) AS series",
            digest="MD5(n)",
            request_id="MD5(n)",
            later="TIMESTAMPADD(MICROSECOND, {microseconds}, TIMESTAMP'{start}')",
            text="CAST({number} AS CHAR)",
            joined=lambda parts: f"CONCAT({', '.join(parts)})",
            analyze="ANALYZE TABLE {table}",
        ),
        "sqlite": Dialect(
            series=(
                "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL "
                "SELECT n + 1 FROM numbers WHERE n < {count}) SELECT n FROM numbers) AS series"
            ),
            digest="lower(hex(randomblob(16)))",
            request_id="lower(hex(randomblob(16)))",
            later=(
                "strftime('%Y-%m-%d %H:%M:%f', '{start}', "
                "(({microseconds}) / 1000000.0) || ' seconds') || '000'"
            ),
            text="CAST({number} AS TEXT)",
            joined=" || ".join,
            analyze="",
        ),
    }
)


def dialect() -> Dialect:
    return DIALECTS[connection.vendor]
