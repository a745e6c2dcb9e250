"""The site that is loaded; benchmarks/load/run.py sets the variable."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from tests.server_settings import *  # noqa: F403

SMS_OTP = dict[str, Any](
    CODE_LIFETIME=timedelta(minutes=10),
    COOLDOWN=[timedelta(seconds=float(os.environ["LOAD_COOLDOWN"]))],
    # The people of the load test tell where they come from.
    TRUSTED_PROXY_COUNT=1,
)
