"""Where Celery looks for the tasks of each app. Huey, Dramatiq and others look here too: on a
site without Celery there is nothing to find, and nothing that breaks."""

from __future__ import annotations

from importlib.util import find_spec

__all__: list[str] = []

if find_spec("celery"):
    from .delivery.queues.celery import deliver

    __all__ += ["deliver"]
