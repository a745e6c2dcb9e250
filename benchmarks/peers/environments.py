"""An environment for each contestant, made once."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .contestants import CONTESTANTS, Entry

__all__ = ["environments"]


def environments(folder: Path) -> Mapping[str, str]:
    """Return the Python of each contestant, by name. Install missing environments."""
    return {entry.name: str(_environment(folder, entry)) for entry in CONTESTANTS}


def _environment(folder: Path, entry: Entry) -> Path:
    wanted = "\n".join((sys.version, *entry.requirements))
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:8]
    environment = folder / f"{entry.name}-{digest}"
    python = environment / "bin" / "python"
    # Written last, so that a broken installation begins again.
    mark = environment / "complete"
    if not mark.exists():
        print(f"Installing {entry.title} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, *entry.requirements], check=True)
        mark.touch()
    return python
