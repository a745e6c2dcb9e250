"""A site with two gateways and a failover; benchmarks/delivery/site.py sets the variable."""

from __future__ import annotations

import json
import os

from tests.server_settings import *  # noqa: F403

SMS_OTP_BACKENDS = json.loads(os.environ["BENCHMARK_BACKENDS"])
