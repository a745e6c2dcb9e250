"""The grammar of rates, and windows that slide: at most N in *any* window."""

from __future__ import annotations

import pytest

from django_sms_otp.limits.rates import free_at, parse_rates, used


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("5/h", [(5, 3600)]),
        ("5/h,10/d", [(5, 3600), (10, 86400)]),
        (" 3/10m , 1/s ", [(3, 600), (1, 1)]),
        ("1000/30d", [(1000, 30 * 86400)]),
    ],
)
def test_rates_are_read(text: str, rates: list[tuple[int, int]]) -> None:
    assert [(rate.count, rate.window) for rate in parse_rates(text)] == rates


@pytest.mark.parametrize("text", ["5/h", "3/10m", "7/90s", "1000/30d", "2/2h"])
def test_a_rate_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_rates(text)[0]) == text


def test_it_is_free_again_when_the_oldest_use_has_left() -> None:
    [rate] = parse_rates("2/h")
    entries = [(1000.0, 1), (1600.0, 1)]
    assert free_at(entries, rate, 1600.0) == 4600.0
    assert free_at(entries, rate, 4599.9) == 4600.0
    assert free_at(entries, rate, 4600.0) is None
    assert [used(entries, 3600, now) for now in (1600.0, 4600.0, 5200.0)] == [2, 1, 0]
