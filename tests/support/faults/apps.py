from __future__ import annotations

import os
from pathlib import Path

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils import timezone

from .clock import Clock


class FaultsConfig(AppConfig):
    name = "tests.support.faults"

    def ready(self) -> None:
        from . import points

        connection_created.connect(points.watch, dispatch_uid="faults")
        clock = Clock(Path(os.environ["TEST_SERVER_MESSAGES"]))
        timezone.now = clock.shifted(timezone.now)
