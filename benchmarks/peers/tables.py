"""The tables, in Markdown. Times are ratios within the run; counts are counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .contestants import title
from .effort import STEPS
from .results import Results
from .timing import Growth

__all__ = ["sections", "tables"]

Row = Sequence[str]


def tables(results: Results) -> str:
    """Return all of them, each under a heading."""
    return "\n\n".join(sections(results).values())


def sections(results: Results) -> dict[str, str]:
    """Return each with its heading, by the heading, but for what was not measured."""
    found = {
        "Machine": _table(("", ""), results.machine.items()),
        "Statements": _table(("", *STEPS), _statements(results)),
        "Function calls": _table(("", *STEPS), _calls(results)),
        "Time of a processor": _table(("", *STEPS), _shares(results)),
        "Logins over HTTP": _table(
            ("", "logins a second", "median of a login", "99th percentile"), _loads(results)
        ),
        "Start of a process": _table(
            ("", "time", "milliseconds more", "megabytes more"), _starts(results)
        ),
        "Beside expired rows": _table(
            ("", "expired rows", *STEPS, "logins a second"), _growth(results)
        ),
        "Purge": _table(("", "time, of a single DELETE's", "longest DELETE"), _purges(results)),
    }
    if not results.growth:
        del found["Beside expired rows"], found["Purge"]
    return {name: f"### {name}\n\n{table}" for name, table in found.items()}


def _statements(results: Results) -> Iterator[Row]:
    for name, effort in results.efforts.items():
        yield title(name), *(str(effort.statements[step]) for step in STEPS)


def _calls(results: Results) -> Iterator[Row]:
    bare = next(iter(results.efforts.values()))
    for name, effort in results.efforts.items():
        ratios = effort.calls_beside(bare)
        yield title(name), *(f"{effort.calls[step]} ({ratios[step]:.2f})" for step in STEPS)


def _shares(results: Results) -> Iterator[Row]:
    for name, share in results.shares.items():
        yield (
            title(name),
            *(f"{share[step].median:.2f} ({share[step].quiet:.2f})" for step in STEPS),
        )


def _loads(results: Results) -> Iterator[Row]:
    for name, load in results.loads.items():
        yield title(name), f"{load.logins:.2f}", f"{load.p50:.2f}", f"{load.p99:.2f}"


def _starts(results: Results) -> Iterator[Row]:
    for name, start in results.starts.items():
        yield (
            title(name),
            f"{start.ratio:.2f}",
            f"{1000 * start.seconds:.0f}",
            f"{start.memory / 10**6:.1f}",
        )


def _growth(results: Results) -> Iterator[Row]:
    for name, sizes in results.growth.items():
        for rows, growth in sizes.items():
            if rows:
                yield title(name), f"{rows:,}".replace(",", " "), *_grown(growth)


def _grown(growth: Growth) -> Iterator[str]:
    for step in STEPS:
        yield f"{growth.times[step]:.2f}"
    yield f"{growth.logins:.2f}"


def _purges(results: Results) -> Iterator[Row]:
    for name, purge in results.purges.items():
        if purge is None:
            yield title(name), "has none", ""
        else:
            yield title(name), f"{purge.ratio:.2f}", f"{1000 * purge.longest:.0f} ms"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
