"""Shared counters: at most N in *any* window, in few entries, and free again in time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_sms_otp.limits.rates import Rate, parse_rates
from django_sms_otp.limits.shared import SharedCounters, longest_memory

START = 1_700_000_000

times = st.lists(st.integers(0, 20_000_000), max_size=300).map(
    lambda ticks: sorted(START + tick / 1000 for tick in ticks)
)
some_rates = st.lists(
    st.builds(
        Rate,
        count=st.integers(1, 40) | st.integers(60, 130),
        window=st.sampled_from([60, 600, 3600, 7200, 86400]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda rate: rate.window,
)


def admitted(rates: list[Rate], moments: list[float]) -> tuple[list[float], SharedCounters]:
    """Return the times of the uses that the rates let pass, and the counters after them."""
    counters, passed = SharedCounters(), []
    for now in moments:
        if counters.free_at(rates, now) is None:
            counters = counters.with_use(rates, now)
            assert counters.uses <= counters.room(rates, now)
            passed.append(now)
        # As the row stores it.
        counters = SharedCounters.from_json(counters.to_json(), uses=counters.uses)
    return passed, counters


def most_in_any_window(moments: list[float], window: float) -> int:
    return max((sum(at <= t < at + window for t in moments) for at in moments), default=0)


@given(times, some_rates)
def test_no_window_ever_holds_more(moments: list[float], rates: list[Rate]) -> None:
    passed, _ = admitted(rates, moments)
    for rate in rates:
        assert most_in_any_window(passed, rate.window) <= rate.count


@given(times, some_rates)
def test_a_use_that_fits_is_refused_for_a_grain_at_most(
    moments: list[float], rates: list[Rate]
) -> None:
    passed, _ = admitted(rates, moments)
    for moment in set(moments) - set(passed):
        assert any(
            sum(moment - longest_memory(rate) <= at <= moment for at in passed) >= rate.count
            for rate in rates
        )


def test_a_burst_after_an_hour_of_drops_is_held_to_the_rate() -> None:
    [rate] = parse_rates("120/h")
    full_grain = [START // 60 * 60 + 1.0] * 60
    drops = [full_grain[0] + 60 * minute for minute in range(1, 60)]
    burst = [drops[-1] + 30 + number / 100 for number in range(120)]
    passed, _ = admitted([rate], [*full_grain, *drops, *burst])
    assert most_in_any_window(passed, 3600) == 120
    assert len(passed) == 120


def test_many_uses_are_kept_in_few_entries() -> None:
    rates = [*parse_rates("500/h,9000/d")]
    passed, counters = admitted(rates, [START + 20.0 * number for number in range(8_640)])
    assert len(counters.entries) <= 60 + 60 + 2
    assert len(passed) > 4_000


def test_a_row_that_is_full_is_free_again_in_time() -> None:
    [rate] = parse_rates("6000/h")
    passed, counters = admitted([rate], [START + number / 2 for number in range(7_000)])
    assert len(passed) == 6000
    free = counters.free_at([rate], passed[-1])
    assert free is not None
    assert 3600 <= free - passed[0] <= 3660


def test_uses_of_one_grain_change_no_more_than_the_number() -> None:
    rates = parse_rates("50/h,500/d")
    first = SharedCounters().with_use(rates, START + 1)
    second = first.with_use(rates, START + 2)
    assert second == replace(first, uses=2)
    later = second.with_use(rates, second.grain_ends_at)
    assert (later.uses, later.earlier) == (1, ((second.grain_ends_at, 2),))


def test_room_is_what_the_earlier_grains_leave() -> None:
    rates = parse_rates("5/h,7/d")
    counters = SharedCounters().with_use(rates, START, count=3)
    assert counters.room(rates, START) == 5
    assert counters.with_use(rates, START + 61).room(rates, START + 61) == 2
    assert counters.with_use(rates, START + 3700).room(rates, START + 3700) == 4


@pytest.mark.parametrize("count", [0, 1])
def test_a_clock_that_steps_back_frees_nobody(count: int) -> None:
    rates = parse_rates("100/h")
    counters = SharedCounters().with_use(rates, START + 600, count=100)
    counters = counters.with_use(rates, START, count=count)
    assert counters.uses == 100 + count
    assert counters.free_at(rates, START)


def test_an_old_entry_does_not_come_back_into_a_shorter_window() -> None:
    rates = parse_rates("5/10m,100/d")
    counters = SharedCounters().with_use(rates, START, count=5)
    for minutes in (11, 12, 22, 23):
        counters = counters.with_use(rates, START + 60 * minutes)
        assert counters.free_at(rates, START + 60 * minutes) is None


def test_a_region_is_strange_until_a_message_was_redeemed_there() -> None:
    now = 1_800_000_000.0
    counters = SharedCounters().with_region(now, "JM", redeemed=False)
    assert counters.strange_regions(now) == {"JM"}
    assert counters.with_region(now, "JM", redeemed=True).strange_regions(now) == set()
