"""The Celery app of a project, as its documentation has it."""

from __future__ import annotations

import json
import os

from celery import Celery

app = Celery("tests", broker=os.environ["TEST_BROKER"])
app.conf.update(json.loads(os.environ["TEST_CELERY"]))
app.autodiscover_tasks()
