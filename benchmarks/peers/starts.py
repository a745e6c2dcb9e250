"""What an app adds to the start of a site's process: time and memory."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .contestants import BARE, ROOT
from .plan import Plan
from .process import Contestant, environment
from .rounds import turned
from .timing import percentile

__all__ = ["Start", "beside", "starts"]


@dataclass(frozen=True, slots=True)
class Start:
    """More than the bare app, which has REST framework and simplejwt, too.

    :param ratio: of the times of the whole start.
    :param seconds: more.
    :param memory: bytes more, once everything is loaded.
    """

    ratio: float
    seconds: float
    memory: float


def starts(contestants: Sequence[Contestant], plan: Plan) -> dict[str, Start]:
    """Return what each contestant's start takes."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for each in contestants:
        _start(each)  # Compiles what has not been.
    for number in range(plan.starts):
        for each in turned(contestants, number):
            found[each.name].append(_start(each))
    return {name: beside(each, found[BARE]) for name, each in found.items()}


def beside(mine: Sequence[tuple[float, int]], bare: Sequence[tuple[float, int]]) -> Start:
    """Return what one contestant's starts take beside the bare app's: seconds and bytes."""
    # When little else ran. The least alone would be one lucky moment's.
    seconds = [percentile([taken for taken, _ in each], 10) for each in (mine, bare)]
    memory = [statistics.median(size for _, size in each) for each in (mine, bare)]
    return Start(seconds[0] / seconds[1], seconds[0] - seconds[1], memory[0] - memory[1])


def _start(contestant: Contestant) -> tuple[float, int]:
    variables: Mapping[str, str] = environment(contestant.name, contestant.database)
    # What is compiled must stay so, whatever the surroundings have set.
    kept = {name: text for name, text in variables.items() if name != "PYTHONDONTWRITEBYTECODE"}
    told = subprocess.run(
        [contestant.python, "-m", "benchmarks.peers.inside.start"],
        env=kept,
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    seconds, size = json.loads(told)
    return seconds, size
