from __future__ import annotations

from benchmarks.peers.sites.own.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.peers.sites.statements.urls"
