"""The grammar of rates, and windows that slide: at most N in *any* window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_sms_otp.limits.rates import Entry, Rate, free_at, parse_rates, with_use


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


def admitted(rate: Rate, times: list[float]) -> list[float]:
    """Return the times of those uses that the rate lets pass."""
    entries: tuple[Entry, ...] = ()
    passed = []
    for now in times:
        if free_at(entries, rate, now) is None:
            entries = with_use(entries, rate, now)
            passed.append(now)
    return passed


def most_in_any_window(times: list[float], window: float) -> int:
    return max((sum(start <= t < start + window for t in times) for start in times), default=0)


times = st.lists(st.integers(0, 20_000_000), max_size=300).map(
    lambda ticks: sorted(1_700_000_000 + tick / 1000 for tick in ticks)
)


@given(times, st.integers(1, 150))
def test_no_window_ever_holds_more(moments: list[float], most: int) -> None:
    assert most_in_any_window(admitted(Rate(count=most, window=3600), moments), 3600) <= most


@given(times, st.integers(1, 60))
def test_up_to_sixty_nothing_is_refused_that_fits(moments: list[float], most: int) -> None:
    rate = Rate(count=most, window=3600)
    passed = admitted(rate, moments)
    for moment in set(moments) - set(passed):
        earlier = [at for at in passed if moment - 3600 < at <= moment]
        assert len(earlier) == most


def test_it_is_free_again_when_the_oldest_has_left() -> None:
    rate = Rate(count=2, window=3600)
    entries = with_use(with_use((), rate, 1000.0), rate, 1600.0)
    assert free_at(entries, rate, 1600.0) == 4600.0
    assert free_at(entries, rate, 4599.9) == 4600.0
    assert free_at(entries, rate, 4600.0) is None


def test_a_large_count_is_kept_in_few_entries_and_refills_in_time() -> None:
    rate = Rate(count=6000, window=3600)
    passed = admitted(rate, [1_700_000_000 + second / 2 for second in range(7_000)])
    assert len(passed) == 6000
    entries: tuple[Entry, ...] = ()
    for moment in passed:
        entries = with_use(entries, rate, moment)
    assert len(entries) <= 61
    # The first use leaves after its window, and at the latest a grain later.
    free = free_at(entries, rate, passed[-1])
    assert free is not None
    assert 3600 <= free - passed[0] <= 3660


def test_a_limit_that_only_records_does_not_grow() -> None:
    rate = Rate(count=5, window=3600)
    entries: tuple[Entry, ...] = ()
    for second in range(1000):
        entries = with_use(entries, rate, float(second))
    assert len(entries) == 5
    assert free_at(entries, rate, 1000.0) == 995 + 3600


def test_a_clock_that_steps_back_frees_nobody() -> None:
    rate = Rate(count=100, window=3600)
    entries: tuple[Entry, ...] = ()
    for _ in range(100):
        entries = with_use(entries, rate, 10_000.0)
    entries = with_use(entries, rate, 9_000.0)
    assert sum(uses for _, uses in entries) == 101
