"""benchmarks/load with a few people: each kind of them is there, and gets what they should."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.load.run import Load, Result, run
from django_sms_otp.models import OTPCode

pytestmark = pytest.mark.django_db(transaction=True)

# Whoever asks again waits half a second more: less in all than the two seconds for which
# gunicorn keeps an idle connection, or both ends may close and use it at once.
FEW = Load(users=8, seconds=4, pause=0.2, cooldown=1)


def test_people_log_in(tmp_path: Path) -> None:
    result = run(FEW, tmp_path)
    told = f"{result.printed}\n{result.log}"
    assert result.is_right, told
    assert not sum(result.failures.values()), told
    redeemed = OTPCode.objects.exclude(redeemed_at=None)
    assert result.requests["auth-code"] == redeemed.count() > 0
    assert result.requests["get-code"] > redeemed.count(), "some never come back"
    sends = result.requests["get-code"] + result.requests.get("get-code: again", 0)
    assert result.requests["arrives"] == sends


def test_an_answer_that_nobody_expects_fails_the_run(tmp_path: Path) -> None:
    # Nobody may ask again while they are here, but there is no cooldown to tell them so.
    result = run(Load(users=8, seconds=4, pause=0.2, cooldown=0.001), tmp_path)
    assert result.exit_code == 1, result.printed
    assert not result.is_right
    assert "202, not 429 cooldown" in result.printed


@pytest.mark.parametrize(
    ("requests", "exit_code", "log", "is_right"),
    [
        ({"auth-code": 1}, 0, "", True),
        ({"auth-code": 1}, 1, "", False),
        ({"get-code": 1}, 0, "", False),
        ({"auth-code": 1}, 0, "Traceback (most recent call last):", False),
    ],
)
def test_a_run_is_right_if_people_logged_in_and_nothing_else_happened(
    requests: dict[str, int], exit_code: int, log: str, is_right: bool
) -> None:
    assert Result(requests, {}, exit_code, "", log).is_right is is_right
