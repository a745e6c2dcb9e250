from __future__ import annotations

from benchmarks.peers.sites.own.settings import *  # noqa: F403
from benchmarks.peers.sites.own.settings import DATABASES

DATABASES["default"].get("OPTIONS", {}).pop("prepare_threshold", None)
