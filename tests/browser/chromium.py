"""The Chromium that the tests drive: the system's own, which asks nobody for anything."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

__all__ = ["launch", "missing"]

VARIABLE = "CHROMIUM"
"""Names the program. Without it, the first that is found."""

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

QUIET = (
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
)
"""The browser talks to the site of the tests alone."""


def missing() -> str:
    """Return what is to be installed before the tests can run; empty if nothing is."""
    if find_spec("playwright") is None:
        return (
            "The browser tests need Playwright: pip install --group browser,"
            " or tox run -e browser."
        )
    if not _program():
        return (
            "The browser tests need Chromium: apt-get install chromium,"
            f" or name the program by {VARIABLE}."
        )
    return ""


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(
        executable_path=_program(),
        args=list(QUIET),
        # Chromium runs as root, as in containers, without its sandbox alone.
        chromium_sandbox=hasattr(os, "geteuid") and os.geteuid() != 0,
    )


def _program() -> str | None:
    names = [os.environ[VARIABLE]] if VARIABLE in os.environ else PROGRAMS
    return next((path for name in names if (path := shutil.which(name))), None)
