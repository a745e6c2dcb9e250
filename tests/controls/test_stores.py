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
from django_sms_otp.controls.stores.store import MARGIN, MOST_EXACT, LimitStore, grain_of
from django_sms_otp.exceptions import InvalidSettings, SMSOTPError, Unavailable
from django_sms_otp.limits.keys import LimitKey
from django_sms_otp.limits.rates import parse_rates
from django_sms_otp.testing import override_sms_otp

from ..support.store_model import Model
from ..support.valkey import limits_cache, location, running_server

NOW = 1_700_000_000.123456


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


def room(store: LimitStore, one: QuotaCharge, now: float) -> int:
    """QuotaCharge a limit up, and tell how often that went."""
    return next(n for n in range(10**4) if not store.take([one], now).counted)


# What is counted


@pytest.mark.parametrize("rates", ["1/s", "5/h", "60/h", "61/h", "200/7s"])
def test_so_many_fit_and_no_more(store: LimitStore, rates: str) -> None:
    limit = use("ip", rates)
    assert room(store, limit, NOW) == limit.rates[0].count


def test_they_are_free_again_when_the_answer_says(store: LimitStore) -> None:
    limit = use("ip", "2/h")
    for seconds in (0, 100):
        store.take([limit], NOW + seconds)

    refused = store.take([limit], NOW + 200)

    assert dict(refused.waits) == {"ip": NOW + 3600}
    assert not store.take([limit], NOW + 3599.9).counted
    assert store.take([limit], NOW + 3600).counted


def test_the_longest_wait_of_a_control_is_told(store: LimitStore) -> None:
    limit = use("ip", "1/d,1/h")
    store.take([limit], NOW)

    assert dict(store.take([limit], NOW + 1).waits) == {"ip": NOW + 86400}


def test_a_refused_request_uses_up_nothing(store: LimitStore) -> None:
    full, other = use("country", "1/h"), use("ip", "5/h")
    store.take([full], NOW)

    for _ in range(9):
        taken = store.take([other, full], NOW + 1)
        assert (taken.counted, dict(taken.waits)) == (False, {"country": NOW + 3600})

    assert room(store, other, NOW + 1) == 5


def test_a_withheld_message_counts_for_its_address_alone(store: LimitStore) -> None:
    soft, address, country = use("prefix", "1/h"), use("ip", "5/h"), use("country", "5/h")
    store.take([soft], NOW)

    taken = store.take([address, soft, country], NOW + 1)

    assert (taken.counted, dict(taken.waits)) == (True, {"prefix": NOW + 3600})
    assert [room(store, each, NOW + 1) for each in (address, country)] == [4, 5]


def test_an_open_refusal_goes_before_a_withheld_message(store: LimitStore) -> None:
    soft, hard, address = use("prefix", "1/h"), use("site", "1/h"), use("ip", "5/h")
    store.take([soft, hard], NOW)

    taken = store.take([address, soft, hard], NOW + 1)

    assert (taken.counted, set(taken.waits)) == (False, {"prefix", "site"})
    assert room(store, address, NOW + 1) == 5


@pytest.mark.parametrize("control", ["site", "prefix"])
def test_a_limit_that_only_records_tells_and_counts(store: LimitStore, control: str) -> None:
    recorded, other = use(control, "1/h", enforced=False), use("ip", "3/h")

    answers = [store.take([recorded, other], NOW + n) for n in range(3)]

    assert all(each.counted for each in answers)
    assert [dict(each.waits) for each in answers] == [
        {},
        {control: NOW + 3600},
        {control: NOW + 3601},
    ]
    assert not store.take([recorded, other], NOW + 3).counted


def test_windows_of_a_key_are_apart(store: LimitStore) -> None:
    limit = use("ip", "1/m,3/h")
    minutes = [store.take([limit], NOW + 60 * n).counted for n in range(4)]

    assert minutes == [True, True, True, False]


def test_without_a_limit_there_is_nothing_to_ask() -> None:
    nowhere = LimitStore("nowhere")
    assert nowhere.take([], NOW).counted
    nowhere.give_back([], NOW)


def test_a_use_in_each_grain_of_a_window(store: LimitStore) -> None:
    limit, start = use("ip", "61/m"), 1_700_000_000
    assert grain_of(limit.rates[0]) == 1
    for second in range(61):
        assert store.take([limit], start + second + 0.5).counted

    assert dict(store.take([limit], start + 60.9).waits) == {"ip": start + 61}


# The clock


@pytest.mark.parametrize("rates", ["3/h", "61/h"])
def test_a_clock_that_steps_back_frees_no_one(store: LimitStore, rates: str) -> None:
    limit = use("ip", rates)
    room(store, limit, NOW)

    assert not store.take([limit], NOW - 10**6).counted
    assert not store.take([limit], NOW + 3500).counted
    assert store.take([limit], NOW + 3700).counted


def test_a_use_under_a_clock_that_stepped_back_counts_as_the_newest(store: LimitStore) -> None:
    limit = use("ip", "2/h")
    store.take([limit], NOW)
    store.take([limit], NOW - 3000)

    assert not store.take([limit], NOW + 700).counted


# Giving back


@pytest.mark.parametrize("rates", ["4/h", "61/h"])
def test_one_take_is_given_back_and_no_more(store: LimitStore, rates: str) -> None:
    limit = use("ip", rates)
    most = room(store, limit, NOW - 1)
    assert most == limit.rates[0].count
    store.give_back([limit], NOW - 1)
    assert store.take([limit], NOW).counted

    for _ in range(3):
        store.give_back([limit], NOW)

    assert room(store, limit, NOW) == 1


def test_takes_of_the_same_time_are_given_back_one_by_one(store: LimitStore) -> None:
    uses = [use("ip", "2/h"), use("site", "61/h")]
    store.take(uses, NOW)
    store.take(uses, NOW)

    store.give_back(uses, NOW)

    assert room(store, uses[0], NOW) == 1


def test_nothing_is_given_back_that_was_not_taken(store: LimitStore) -> None:
    country = use("country", "61/h")
    store.take([use("ip", "5/h", key="ip:a"), country], NOW)

    store.give_back([use("ip", "5/h", key="ip:b"), country], NOW)
    store.give_back([use("ip", "5/h", key="ip:a"), country], NOW + 0.000001)

    assert room(store, country, NOW) == 60


def test_what_was_refused_or_withheld_is_not_given_back(store: LimitStore) -> None:
    soft, address, country = use("prefix", "1/h"), use("ip", "3/h"), use("country", "61/h")
    store.take([soft, country], NOW)
    store.take([address, soft, country], NOW)

    store.give_back([address, soft, country], NOW)

    assert [room(store, each, NOW) for each in (address, country)] == [3, 60]
    assert store.take([soft], NOW).waits


def test_a_use_that_a_stepped_back_clock_counted_is_given_back(store: LimitStore) -> None:
    limit = use("ip", "2/h")
    store.take([limit], NOW)
    store.take([limit], NOW - 50)

    store.give_back([limit], NOW - 50)

    assert room(store, limit, NOW) == 1


# Keys


def expiries(server: Any) -> dict[str, int]:
    return {key.decode(): server.ttl(key) for key in server.keys("*")}


def test_every_key_expires_after_every_call(store: LimitStore, server: Any) -> None:
    uses = [use("ip", "2/h,61/d"), use("prefix", "3/s", enforced=False), use("site", "61/7s")]
    calls = [store.take] * 4 + [store.give_back] * 2 + [store.take]
    for call in calls:
        call(uses, NOW)
        found = expiries(server)
        assert all(seconds > 0 for seconds in found.values()), found

    windows = {key: int(key.rsplit(":", 1)[1]) for key in found if ":limit:" in key}
    assert len(windows) == 4
    for key, window in windows.items():
        assert window < found[key] <= window + window / MOST_EXACT + 1 + MARGIN


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
        return store.take([limit], NOW).counted

    with ThreadPoolExecutor(200) as pool:
        counted = list(pool.map(take, range(200)))

    assert sum(counted) == limit.rates[0].count


# The server


def test_a_server_that_forgot_the_scripts_gets_them_again(
    store: LimitStore, server: Any
) -> None:
    limit = use("ip", "2/h")
    store.take([limit], NOW)
    server.script_flush()

    assert store.take([limit], NOW).counted
    server.script_flush()
    store.give_back([limit], NOW)

    assert room(store, limit, NOW) == 1


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

    assert room(store, limit, NOW) == 5


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
        assert room(the_store(), use("ip", "3/h"), NOW) == 3
        assert valkey_server.client().keys("*:1:{sms_otp}:limit:ip:x:3600")


def test_a_server_that_is_down_is_unavailable(config: dict[str, Any]) -> None:
    with running_server() as stopped:
        cache = limits_cache(location(stopped), **config)
        with cache, override_sms_otp(LIMITS_CACHE="limits"):
            store, limit = the_store(), use("ip", "5/h")
            store.take([limit], NOW)
            stopped.stop()

            for call in (store.take, store.give_back):
                with pytest.raises(Unavailable) as caught:
                    call([limit], NOW)

            assert isinstance(caught.value, SMSOTPError)
            assert caught.value.retry_after == timedelta(seconds=30)
            assert "'limits'" in str(caught.value)

            # It goes on by itself.
            stopped.start()
            assert store.take([limit], NOW).counted


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


# The same answers as rates.py, to the last bit

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
gifts = st.integers(0, 30)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(limits, st.floats(1.6e9, 2e9), st.lists(st.one_of(takes, gifts), max_size=25))
def test_the_answers_are_those_of_the_rates(
    store: LimitStore,
    server: Any,
    uses: list[QuotaCharge],
    now: float,
    calls: list[tuple[float, int, set[int]] | int],
) -> None:
    server.flushall()
    model, past = Model(), [(uses, now)]
    for call in calls:
        if isinstance(call, int):
            earlier = past[call % len(past)]
            store.give_back(*earlier)
            model.give_back(*earlier)
            continue
        step, times, left_out = call
        now += step
        some = [each for index, each in enumerate(uses) if index not in left_out]
        for _ in range(times):
            assert store.take(some, now) == model.take(some, now)
        past.append((some, now))
    assert all(seconds > 0 for seconds in expiries(server).values())
