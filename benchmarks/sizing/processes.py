"""Time that processes had of the processors, from ``/proc`` of Linux."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["idle_seconds", "parent_of", "processor_seconds"]

TICKS = os.sysconf("SC_CLK_TCK")

PARENT, TIMES = 1, slice(11, 15)
"""Among the fields of ``/proc/<pid>/stat`` after the name: those of a process, and those of its
children that are gone (proc(5): utime, stime, cutime, cstime).
"""


def processor_seconds(root: int) -> float:
    """Return the seconds of a process and of all that it has started, gone or not."""
    found = _all()
    wanted = {root}
    # A child may have a lower id than its parent, once ids begin anew.
    while more := {pid for pid, stat in found.items() if int(stat[PARENT]) in wanted} - wanted:
        wanted |= more
    return sum(sum(map(int, found[pid][TIMES])) for pid in wanted if pid in found) / TICKS


def parent_of(pid: int) -> int:
    """
    :raises RuntimeError: no such process on this machine.
    """
    stat = _stat(pid)
    if stat is None:
        raise RuntimeError(f"There is no process {pid}. Is the database on this machine?")
    return int(stat[PARENT])


def idle_seconds() -> float:
    """Return the seconds that all processors of the machine have had nothing to do."""
    first = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()
    idle, waiting_for_disks = map(int, first[4:6])
    return (idle + waiting_for_disks) / TICKS


def _all() -> dict[int, list[str]]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return {pid: stat for pid in pids if (stat := _stat(pid))}


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name is in brackets, and may have spaces and brackets itself.
    return text.rpartition(")")[2].split()
