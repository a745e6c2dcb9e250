"""The attacks, by the settings of the site, and their size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from .bots import bot_behind_a_shared_address, bot_beside_logins
from .guesses import days_of_guesses, hour_of_guesses, lockout_of_the_holder
from .handed_on import STALE_DAYS, oracle_of_stale_numbers, recycled_numbers, swapped_sim
from .messages import many_numbers, quota_of_a_number, requests_at_once
from .money import cap_for_nothing, drive_by, honest_logins, lookups
from .numbers import (
    numbers_of_others,
    race_for_a_number,
    removal_beside_a_login,
    removals_at_once,
    stolen_session,
    swapped_codes,
)
from .redemptions import right_guesses_at_once
from .step_up import read_out_codes, step_up_with_a_stolen_session
from .targets import (
    HOME,
    Attack,
    networks_of_6to4,
    networks_of_one_home,
    same_network,
    strangers,
)

__all__ = ["FULL", "QUICK", "Site", "Size", "sites"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """
    :param workers: processes of the server.
    :param rounds: of each attack on many numbers.
    :param numbers: how many an attacker at one address asks codes for.
    :param addresses: how many an attacker with many addresses has.
    :param people: how many log in at once, 24 at a time.
    :param salvo: guesses at a time over days, or half the requests at a time over a day.
    :param bot_seconds: how long a bot guesses before and after each visit.
    """

    workers: int
    rounds: int
    numbers: int
    addresses: int
    salvo: int
    threads: int
    bot_seconds: int
    people: int


FULL = Size(
    workers=4,
    rounds=50,
    numbers=200,
    addresses=200,
    salvo=8,
    threads=16,
    bot_seconds=60,
    people=240,
)
QUICK = Size(
    workers=2,
    rounds=3,
    numbers=54,
    addresses=32,
    salvo=1,
    threads=16,
    bot_seconds=1,
    people=48,
)

MOST_OF_A_HOME = 200
"""Messages of an IPv6 /48 in an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Settings, and the attacks on a server that has them."""

    settings: Mapping[str, Any]
    attacks: Sequence[Attack]


def sites(size: Size) -> dict[str, Site]:
    return {
        "defaults": _site(*_on_numbers(size), *_on_addresses(size)),
        "request ids": _side_by_side(size),
        "prefix": _site(*_on_a_prefix(size), prefix="10/h,30/d"),
        "country": _site(_on_a_sum(size, 'country "30/h"', 24), country="30/h"),
        "site": _site(
            _on_a_sum(size, 'site "20/h"', 16),
            partial(cap_for_nothing, requests=size.numbers, threads=size.threads),
            site="20/h",
        ),
        "look-ups": _with_lookups(size),
        "numbers handed on": Site(
            settings={"TRUSTED_PROXY_COUNT": 1, "STALE_AFTER": STALE_DAYS},
            attacks=[
                partial(recycled_numbers, rounds=size.rounds),
                partial(oracle_of_stale_numbers, numbers=size.rounds),
            ],
        ),
        "swapped SIMs": Site(
            settings={
                "TRUSTED_PROXY_COUNT": 1,
                "NUMBER_RISK": "tests.attacks.hooks.SwappedSims",
            },
            attacks=[partial(swapped_sim, rounds=size.rounds)],
        ),
        "numbers": Site(
            settings={"TRUSTED_PROXY_COUNT": 1, "COOLDOWN": []},
            attacks=[
                partial(attack, rounds=size.rounds)
                for attack in (
                    stolen_session,
                    race_for_a_number,
                    removal_beside_a_login,
                    removals_at_once,
                    swapped_codes,
                    numbers_of_others,
                    step_up_with_a_stolen_session,
                    read_out_codes,
                )
            ],
        ),
        "breaker": Site(
            settings={"TRUSTED_PROXY_COUNT": 1, "CONVERSION_BREAKER": {}},
            attacks=[partial(honest_logins, people=size.people, threads=24)],
        ),
    }


def _site(*attacks: Attack, **limits: str) -> Site:
    # Clients are told apart by X-Forwarded-For: all requests come from loopback.
    return Site(settings={"TRUSTED_PROXY_COUNT": 1, "LIMITS": limits}, attacks=attacks)


def _side_by_side(size: Size) -> Site:
    """Each request has a code of its own, and all of them can be guessed at."""
    attack = partial(hour_of_guesses, salvo=25, threads=size.threads, side_by_side=True)
    return Site(
        settings={"TRUSTED_PROXY_COUNT": 1, "REQUIRE_REQUEST_ID": True}, attacks=[attack]
    )


def _with_lookups(size: Size) -> Site:
    attack = partial(lookups, threads=size.threads)
    alone, many = [HOME] * size.numbers, _many(size.addresses)
    limits = 'ip "15/h", site "20/h"'
    return Site(
        settings={
            "TRUSTED_PROXY_COUNT": 1,
            "NUMBER_LOOKUP": "tests.attacks.hooks.Landlines",
            "LIMITS": {"ip": "15/h", "site": "20/h"},
        },
        attacks=[
            partial(attack, addresses=alone, limits=limits, whence="from one address", most=15),
            partial(
                attack, addresses=many, limits=limits, whence="each from a new address", most=20
            ),
        ],
    )


def _on_numbers(size: Size) -> list[Attack]:
    return [
        partial(right_guesses_at_once, rounds=size.rounds),
        partial(hour_of_guesses, salvo=25, threads=size.threads),
        partial(days_of_guesses, salvo=size.salvo, threads=size.threads),
        lockout_of_the_holder,
        partial(bot_beside_logins, visits=16, days=8, seconds=size.bot_seconds),
        partial(bot_behind_a_shared_address, numbers=40, customers=5),
        partial(requests_at_once, rounds=max(1, size.rounds // 5)),
        partial(requests_at_once, rounds=max(1, size.rounds // 5), known=True),
        partial(quota_of_a_number, threads=2 * size.salvo),
    ]


def _on_addresses(size: Size) -> list[Attack]:
    forged = [f"{address}, {HOME}" for address in _many(size.numbers)]
    network = same_network(size.numbers)
    attack = partial(
        many_numbers, limits='ip "50/h"', messages=50, admitted=50, threads=size.threads
    )
    return [
        partial(attack, addresses=[HOME] * size.numbers, whence="from one address"),
        partial(attack, addresses=network, whence="from as many addresses of one IPv6 /64"),
        partial(
            attack, addresses=forged, whence="from one address that forges X-Forwarded-For"
        ),
        partial(
            attack,
            addresses=networks_of_6to4(size.numbers),
            whence="from as many 6to4 networks of one IPv4 address",
        ),
        partial(
            many_numbers,
            limits='ip "50/h", ip_56 "100/h", ip_48 "200/h"',
            addresses=networks_of_one_home(MOST_OF_A_HOME + size.salvo * 25),
            whence="from 8 networks of one IPv6 /48",
            messages=MOST_OF_A_HOME,
            admitted=MOST_OF_A_HOME,
            threads=size.threads,
        ),
        partial(drive_by, visitors=size.addresses, threads=size.threads),
    ]


def _on_a_prefix(size: Size) -> list[Attack]:
    limits = 'ip "50/h", prefix "10/h,30/d"'
    attack = partial(many_numbers, limits=limits, messages=10, threads=size.threads)
    alone, many = [HOME] * size.numbers, _many(size.addresses)
    return [
        partial(attack, addresses=alone, whence="from one address", admitted=50),
        partial(attack, addresses=many, whence="each from a new address", admitted=len(many)),
    ]


def _on_a_sum(size: Size, limit: str, most: int) -> Attack:
    return partial(
        many_numbers,
        addresses=_many(size.addresses),
        limits=limit,
        whence="each from a new address",
        messages=most,
        admitted=size.addresses,
        threads=size.threads,
    )


def _many(count: int) -> list[str]:
    return list(islice(strangers(), count))
