"""Processor time of processes, as Linux counts it."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import psycopg

from ..postgresql import Config, connect

__all__ = ["postmaster", "seconds_of"]

TICKS = os.sysconf("SC_CLK_TCK")


class _Stat(NamedTuple):
    """
    :param ticks: of the process, and of its children that have ended.
    """

    parent: int
    ticks: int


def seconds_of(pid: int) -> float:
    """Return the seconds, as a user and of the system, of a process and all its descendants."""
    stats = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))):
            stats[int(folder.name)] = stat
    children = defaultdict(list)
    for each, stat in stats.items():
        children[stat.parent].append(each)
    family, ticks = [pid], 0
    while family:
        each = family.pop()
        ticks += stats[each].ticks
        family += children[each]
    return ticks / TICKS


def postmaster(server: Config) -> int:
    """Return the first process of a PostgreSQL on this machine.

    :raises RuntimeError: it runs on another machine.
    """
    with connect(server) as connection:
        stat = _stat(_backend_of(connection))
    if stat is None:
        raise RuntimeError("PostgreSQL runs on another machine: its time cannot be counted.")
    return stat.parent


def _backend_of(connection: psycopg.Connection[tuple[int]]) -> int:
    [(pid,)] = connection.execute("SELECT pg_backend_pid()").fetchall()
    return pid


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The name, in brackets, may hold anything.
    fields = text.rpartition(")")[2].split()
    return _Stat(parent=int(fields[1]), ticks=sum(map(int, fields[11:15])))
