"""The module in which Celery looks for the tasks of an app.

Huey, Dramatiq and others look here too. Without Celery this module is empty.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("celery"):
    from .delivery.queues.celery import deliver  # noqa: F401
