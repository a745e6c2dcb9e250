from __future__ import annotations

from benchmarks.peers.sites.own.site import site

__all__ = ["site"]
