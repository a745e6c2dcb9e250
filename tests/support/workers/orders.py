"""What a test has a worker do at some point of its work: by files, being another process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

__all__ = ["HANG", "KILL", "REFUSE", "Orders"]

HANG, KILL, REFUSE = "hang", "kill", "refuse"


class Orders:
    """
    :param folder: of the files, each named as a point: ``start``, ``call`` or ``answer``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def give(self, point: str, order: str) -> None:
        (self._folder / f"order-{point}").write_text(order)

    def withdraw(self) -> None:
        for file in self._folder.glob("order-*"):
            file.unlink()

    def reached(self, point: str) -> str:
        """Die, once, or hang, if that is the order of this point; else return it."""
        file = self._folder / f"order-{point}"
        order = file.read_text() if file.exists() else ""
        if order == KILL:
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        while order == HANG and file.exists():
            time.sleep(0.05)
        return order
