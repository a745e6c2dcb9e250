"""Limits in Redis or Valkey, against a real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import redis.exceptions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from django_sms_otp.controls.quotas import QuotaCharge
from django_sms_otp.controls.stores import caches as store_caches
from django_sms_otp.controls.stores import get_store
from django_sms_otp.controls.stores.store import MARGIN, LimitStore, Taken
from django_sms_otp.exceptions import InvalidSettings, SMSOTPError, Unavailable
from django_sms_otp.limits.keys import LimitKey
from django_sms_otp.limits.rates import parse_rates
from django_sms_otp.limits.shared import longest_memory
from django_sms_otp.testing import override_sms_otp

from ..support.store_model import Model, Ticket
from ..support.valkey import limits_cache, location, running_server

NOW = 1_700_006_400.0
"""A midnight. Grains of all usual windows begin there."""

HOUR, DAY = 3660, 86400 + 1440
"""The time after which a use at ``NOW`` no longer counts: a window and a grain."""


@pytest.fixture
def store(valkey_server: Any) -> Iterator[LimitStore]:
    with limits_cache(location(valkey_server)), override_sms_otp(LIMITS_CACHE="limits"):
        valkey_server.client().flushall()
        yield the_store()


@pytest.fixture
def server(valkey_server: Any) -> Any:
    """A client past the code under test."""
    return valkey_server.client()


def the_store() -> LimitStore:
    store = get_store()
    assert store
    return store


def use(control: str, rates: str, *, enforced: bool = True, key: str = "") -> QuotaCharge:
    return QuotaCharge(
        control=control,
        key=LimitKey.parse(key or f"{control}:x"),
        rates=parse_rates(rates),
        enforced=enforced,
    )


def passes(store: LimitStore, *charges: QuotaCharge, at: float = NOW) -> bool:
    """Take a use of each limit. Return whether no limit was used up."""
    return not store.take(charges, at).waits


def room(store: LimitStore, one: QuotaCharge, at: float = NOW) -> int:
    """Use a limit up, and return how many uses it took."""
    return next(n for n in range(10**4) if not passes(store, one, at=at))


# What is counted


@pytest.mark.parametrize("rates", ["1/s", "5/h", "60/h", "61/h", "200/7s"])
def test_so_many_fit_and_no_more(store: LimitStore, rates: str) -> None:
    limit = use("ip", rates)
    assert room(store, limit) == limit.rates[0].count


def test_they_are_free_again_when_the_answer_says(store: LimitStore) -> None:
    limit = use("ip", "2/h")
    for seconds in (0, 100):
        store.take([limit], NOW + seconds)

    refused = store.take([limit], NOW + 200)

    assert dict(refused.waits) == {"ip": NOW + HOUR}
    assert not passes(store, limit, at=NOW + HOUR - 0.000001)
    assert passes(store, limit, at=NOW + HOUR)


def test_the_longest_wait_of_a_control_is_told(store: LimitStore) -> None:
    limit = use("ip", "1/d,1/h")
    store.take([limit], NOW)

    assert dict(store.take([limit], NOW + 1).waits) == {"ip": NOW + DAY}


def test_a_refused_request_uses_up_nothing(store: LimitStore) -> None:
    full, other = use("country", "1/h"), use("ip", "5/h")
    store.take([full], NOW)

    for _ in range(9):
        assert dict(store.take([other, full], NOW + 1).waits) == {"country": NOW + HOUR}

    assert room(store, other) == 5


def test_a_withheld_message_counts_for_its_address_alone(store: LimitStore) -> None:
    soft, address, country = use("prefix", "1/h"), use("ip", "5/h"), use("country", "5/h")
    store.take([soft], NOW)

    taken = store.take([address, soft, country], NOW + 1)

    assert dict(taken.waits) == {"prefix": NOW + HOUR}
    assert [room(store, each) for each in (address, country)] == [4, 5]


def test_an_open_refusal_goes_before_a_withheld_message(store: LimitStore) -> None:
    soft, hard, address = use("prefix", "1/h"), use("site", "1/h"), use("ip", "5/h")
    store.take([soft, hard], NOW)

    assert set(store.take([address, soft, hard], NOW + 1).waits) == {"prefix", "site"}
    assert room(store, address) == 5


@pytest.mark.parametrize("control", ["site", "prefix"])
def test_a_limit_that_only_records_tells_and_counts(store: LimitStore, control: str) -> None:
    recorded, other = use(control, "1/h", enforced=False), use("ip", "3/h")

    answers = [store.take([recorded, other], NOW + 60 * n) for n in range(4)]

    assert [dict(each.waits) for each in answers] == [
        {},
        {control: NOW + HOUR},
        {control: NOW + HOUR + 60},
        {control: NOW + HOUR + 120, "ip": NOW + HOUR},
    ]


def test_windows_of_a_key_are_apart(store: LimitStore) -> None:
    limit = use("ip", "1/m,3/h")

    assert [passes(store, limit, at=NOW + 61 * n) for n in range(4)] == [True] * 3 + [False]


def test_a_key_forgets_the_grains_that_have_left_the_window(
    store: LimitStore, server: Any
) -> None:
    limit = use("ip", "1000/m")
    for second in range(200):
        store.take([limit], NOW + second)

    assert server.hlen(server.keys("*:limit:*")[0]) == 61


# The clock


@pytest.mark.parametrize("rates", ["3/h", "61/h"])
def test_a_clock_that_steps_back_frees_no_one(store: LimitStore, rates: str) -> None:
    limit = use("ip", rates)
    room(store, limit)

    assert not passes(store, limit, at=NOW - 10**6)
    assert not passes(store, limit, at=NOW + 3500)
    assert passes(store, limit, at=NOW + 3700)


def test_a_use_under_a_clock_that_stepped_back_counts_as_the_newest(store: LimitStore) -> None:
    limit = use("ip", "2/h")
    store.take([limit], NOW)
    store.take([limit], NOW - 3000)

    assert not passes(store, limit, at=NOW + 700)


# Giving back


@pytest.mark.parametrize("rates", ["4/h", "61/h"])
def test_one_take_is_given_back_and_no_more(store: LimitStore, rates: str) -> None:
    limit = use("ip", rates)
    taken = store.take([limit], NOW)
    assert room(store, limit) == limit.rates[0].count - 1

    for _ in range(3):
        store.give_back(taken, [limit])

    assert room(store, limit) == 1


def test_takes_of_the_same_time_are_given_back_one_by_one(store: LimitStore) -> None:
    uses = [use("ip", "2/h"), use("site", "61/h")]
    store.take(uses, NOW)
    taken = store.take(uses, NOW)

    store.give_back(taken, uses)

    assert [room(store, each) for each in uses] == [1, 60]


def test_a_use_of_one_limit_is_given_back_and_later_the_others(store: LimitStore) -> None:
    address, country = use("ip", "5/h"), use("country", "5/h")
    taken = store.take([address, country], NOW)

    store.give_back(taken, [country])
    assert room(store, country) == 5
    store.give_back(taken, [address, country])

    assert [room(store, each) for each in (address, country)] == [5, 0]


def test_nothing_is_given_back_that_was_not_taken(store: LimitStore) -> None:
    country = use("country", "61/h")
    taken = store.take([use("ip", "5/h", key="ip:a")], NOW)
    store.take([use("ip", "5/h", key="ip:b"), country], NOW)

    store.give_back(taken, [use("ip", "5/h", key="ip:b"), country])

    assert room(store, country) == 60


def test_what_was_refused_or_withheld_is_not_given_back(store: LimitStore) -> None:
    soft, address, country = use("prefix", "1/h"), use("ip", "3/h"), use("country", "61/h")
    store.take([soft, country], NOW)
    taken = store.take([address, soft, country], NOW)

    store.give_back(taken, [address, soft, country])

    assert [room(store, each) for each in (address, country)] == [3, 60]
    assert not passes(store, soft)


def test_a_use_that_a_stepped_back_clock_counted_is_given_back(store: LimitStore) -> None:
    limit = use("ip", "2/h")
    store.take([limit], NOW)
    taken = store.take([limit], NOW - 500)

    store.give_back(taken, [limit])

    assert room(store, limit) == 1


def test_a_use_that_has_left_the_window_is_not_given_back(store: LimitStore) -> None:
    limit = use("ip", "2/m")
    taken = store.take([limit], NOW)
    store.take([limit], NOW + 100)

    store.give_back(taken, [limit])

    assert room(store, limit, NOW + 100) == 1


# Keys


def expiries(server: Any) -> dict[str, int]:
    return {key.decode(): server.ttl(key) for key in server.keys("*")}


def test_every_key_expires_after_every_call(store: LimitStore, server: Any) -> None:
    uses = [use("ip", "2/h,61/d"), use("prefix", "3/s", enforced=False), use("site", "61/7s")]
    charges: list[QuotaCharge] = []
    for charge in uses:
        charges.append(charge)
        taken = store.take(charges, NOW)
        assert all(seconds > 0 for seconds in expiries(server).values())
        store.give_back(taken, charges)
        assert all(seconds > 0 for seconds in expiries(server).values())

    found = expiries(server)
    assert len(found) == 4
    for key, expiry in found.items():
        window = int(key.rsplit(":", 1)[1])
        assert window < expiry <= window * 61 / 60 + 1 + MARGIN


def test_a_use_whose_key_has_expired_makes_no_new_key(store: LimitStore, server: Any) -> None:
    limit = use("ip", "2/s")
    taken = store.take([limit], NOW)
    server.delete(*server.keys("*:limit:*"))

    store.give_back(taken, [limit])

    assert not server.keys("*")


def test_keys_carry_the_prefix_of_the_cache_and_share_a_slot(
    valkey_server: Any, server: Any
) -> None:
    server.flushall()
    cache = limits_cache(location(valkey_server), KEY_PREFIX="shop", VERSION=3)
    with cache, override_sms_otp(LIMITS_CACHE="limits"):
        the_store().take([use("ip", "5/h", key="ip:2001:db8::/64"), use("site", "9/h")], NOW)

    keys = server.keys("*")
    assert len(keys) == 3
    assert all(key.startswith(b"shop:3:{sms_otp}:") for key in keys)
    assert len({key_slot(key) for key in keys}) == 1


# Many at once


@pytest.mark.parametrize("rates", ["50/h", "100/h"])
def test_parallel_uses_are_counted_exactly(store: LimitStore, rates: str) -> None:
    limit = use("ip", rates)
    barrier = threading.Barrier(200)

    def take(_: int) -> bool:
        barrier.wait(30)
        return passes(store, limit)

    with ThreadPoolExecutor(200) as pool:
        counted = list(pool.map(take, range(200)))

    assert sum(counted) == limit.rates[0].count


# The server


def test_a_server_that_forgot_the_scripts_gets_them_again(
    store: LimitStore, server: Any
) -> None:
    limit = use("ip", "2/h")
    taken = store.take([limit], NOW)
    server.script_flush()

    assert passes(store, limit)
    server.script_flush()
    store.give_back(taken, [limit])

    assert room(store, limit) == 1


def test_a_server_that_is_full_counts_nothing_and_nothing_is_sent(
    store: LimitStore, server: Any
) -> None:
    limit = use("ip", "5/h")
    server.config_set("maxmemory", 1)
    try:
        with pytest.raises(Unavailable):
            store.take([limit], NOW)
    finally:
        server.config_set("maxmemory", 0)

    assert room(store, limit) == 5


@pytest.fixture(
    params=[
        ("django.core.cache.backends.redis.RedisCache", "socket_timeout"),
        ("django_redis.cache.RedisCache", "SOCKET_TIMEOUT"),
        ("django_valkey.cache.ValkeyCache", "SOCKET_TIMEOUT"),
    ],
    ids=["django", "django_redis", "django_valkey"],
)
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    backend, option = request.param
    pytest.importorskip(backend.partition(".")[0])
    return {"BACKEND": backend, "OPTIONS": {option: 0.5}}


def test_every_known_cache_holds_limits(valkey_server: Any, config: dict[str, Any]) -> None:
    valkey_server.client().flushall()
    with (
        limits_cache(location(valkey_server), **config),
        override_sms_otp(LIMITS_CACHE="limits"),
    ):
        assert room(the_store(), use("ip", "3/h")) == 3
        assert valkey_server.client().keys("*:1:{sms_otp}:limit:ip:x:3600")


def test_a_server_that_is_down_is_unavailable(config: dict[str, Any]) -> None:
    with running_server() as stopped:
        cache = limits_cache(location(stopped), **config)
        with cache, override_sms_otp(LIMITS_CACHE="limits"):
            store, limit = the_store(), use("ip", "5/h")
            taken = store.take([limit], NOW)
            stopped.stop()

            with pytest.raises(Unavailable):
                store.take([limit], NOW)
            with pytest.raises(Unavailable) as caught:
                store.give_back(taken, [limit])

            assert isinstance(caught.value, SMSOTPError)
            assert caught.value.retry_after == timedelta(seconds=30)
            assert "'limits'" in str(caught.value)

            # It goes on by itself.
            stopped.start()
            assert passes(store, limit)


def test_a_server_that_hangs_is_unavailable_after_the_time_out(config: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with limits_cache(url, **config), override_sms_otp(LIMITS_CACHE="limits"):
            begun = time.monotonic()
            with pytest.raises(Unavailable):
                the_store().take([use("ip", "5/h")], NOW)

    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "error", [OSError, redis.exceptions.RedisError, redis.exceptions.RedisClusterException]
)
def test_every_error_of_a_client_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(alias: str) -> None:
        raise error("redis://:password@redis.internal")

    monkeypatch.setattr(store_caches, "raw_client", fail)
    cache = limits_cache("redis://localhost")
    with cache, override_sms_otp(LIMITS_CACHE="limits"), pytest.raises(Unavailable) as caught:
        the_store().take([use("ip", "5/h")], NOW)

    assert "password" not in str(caught.value)


# The setting


def test_limits_are_rows_where_no_cache_is_named() -> None:
    assert get_store() is None


@pytest.mark.parametrize("alias", ["default", "nowhere"])
def test_a_cache_that_cannot_count_is_refused(alias: str) -> None:
    with (
        limits_cache("redis://localhost"),
        override_sms_otp(LIMITS_CACHE=alias),
        pytest.raises(InvalidSettings, match=f"LIMITS_CACHE.*'{alias}'"),
    ):
        get_store()


def test_the_app_does_not_need_a_client_library() -> None:
    program = (
        "import sys; sys.modules['redis'] = sys.modules['valkey'] = None; "
        "import django; django.setup(); import django_sms_otp.controls.stores.store"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


# Any sequence of calls

RATES = [
    "1/s",
    "2/7s",
    "3/10s,5/1m",
    "61/7s",
    "61/m,64/11s",
    "70/61s,4/3s",
    "100/h",
    "3/10m,5/h",
]
CONTROLS = ["ip", "prefix", "country", "site"]
steps = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, 3.5, 7.0, 60.0, -7.0, -60.0]),
    st.floats(0, 0.3),
    st.floats(-20, 20),
    st.floats(-4000, 4000),
)
limits = st.lists(
    st.builds(use, st.sampled_from(CONTROLS), st.sampled_from(RATES), enforced=st.booleans()),
    min_size=1,
    unique_by=lambda each: each.control,
)
takes = st.tuples(steps, st.integers(1, 40), st.sets(st.integers(0, 3)))
gifts = st.tuples(st.integers(0, 30), st.sets(st.integers(0, 3)))
without_limits = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@without_limits
@given(
    limits, st.floats(1.6e9, 2e9), st.lists(st.one_of(takes, gifts), min_size=1, max_size=25)
)
def test_the_answers_are_those_of_the_model(
    store: LimitStore,
    server: Any,
    uses: list[QuotaCharge],
    now: float,
    calls: list[Any],
) -> None:
    server.flushall()
    model = Model()
    past: list[tuple[Taken, Ticket]] = []
    for *call, left_out in calls:
        some = [each for index, each in enumerate(uses) if index not in left_out]
        if len(call) == 1:
            for taken, ticket in past[call[0] : call[0] + 1]:
                store.give_back(taken, some)
                model.give_back(ticket, some)
            continue
        now += call[0]
        for _ in range(call[1]):
            taken = store.take(some, now)
            waits, ticket = model.take(some, now)
            assert taken.waits == waits
            past.append((taken, ticket))
    assert all(seconds > 0 for seconds in expiries(server).values())


@without_limits
@given(st.sampled_from(["2/7s", "5/m", "40/m"]), st.lists(st.integers(0, 300_000), max_size=80))
def test_no_window_holds_more_and_a_use_counts_a_grain_too_long_at_most(
    store: LimitStore, server: Any, rates: str, ticks: list[int]
) -> None:
    server.flushall()
    limit = use("ip", rates)
    rate = limit.rates[0]
    passed: list[float] = []
    for now in (NOW + tick / 1000 for tick in sorted(ticks)):
        if passes(store, limit, at=now):
            passed.append(now)
            assert sum(at > now - rate.window for at in passed) <= rate.count
        else:
            assert sum(at >= now - longest_memory(rate) for at in passed) >= rate.count
