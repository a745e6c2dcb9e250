"""The site of a probe; benchmarks/scale/probes.py sets the variable."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["BENCHMARK_DATABASE"]
if os.environ["BENCHMARK_KEEPS_PLANS"]:
    DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 5
# Each turn comes from an address of its own, or all of them would reach its limit.
SMS_OTP = {"TRUSTED_PROXY_COUNT": 1}  # type: ignore[dict-item]  # the tests have durations
