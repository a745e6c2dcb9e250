from __future__ import annotations

import os
from pathlib import Path

from django.apps import AppConfig

from .orders import Orders


def starts(**kwargs: object) -> None:
    Orders(Path(os.environ["TEST_SERVER_MESSAGES"])).reached("start")


class WorkersConfig(AppConfig):
    name = "tests.support.workers"

    def ready(self) -> None:
        from celery.signals import task_prerun
        from django_tasks_db.compat import task_started

        task_prerun.connect(starts)
        task_started.connect(starts)
