"""Two hosts on one database: servers that share nothing else, and whose clocks disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import cycle

import pytest
from django.db import connection
from django.utils import timezone

from django_sms_otp.models import OTPCode, VerifiedPhone

from ..conftest import wrong
from ..support.clock import Clock
from ..support.server import Answer, Server, at_once

PHONE, HOLDER = "+14155552671", "198.51.100.7"
SKEW = timedelta(seconds=2)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="a file is of one host"),
]

Hosts = Sequence[Server]


@pytest.fixture(scope="module")
def servers(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Start a server on each of two hosts: the second one's clock is ahead."""
    with ExitStack() as stack:
        found = []
        for ahead in (timedelta(), SKEW):
            folder = tmp_path_factory.mktemp("host")
            clock = Clock(folder / "clock")
            clock.move_to(timezone.now() + ahead)
            policy = {"TRUSTED_PROXY_COUNT": 1}
            options = ("--preload", "--workers=2", "--threads=8")
            server = Server(folder, options=options, sms_otp=policy, clock=clock)
            found.append(stack.enter_context(server))
        yield found


@pytest.fixture
def hosts(servers: Hosts, transactional_db: None) -> Hosts:
    for server in servers:
        server.forget_messages()
    return servers


def by_turns(hosts: Hosts, path: str, bodies: Sequence[dict[str, str]]) -> Counter[str]:
    """Post all at once, half of them to each host."""
    turns = cycle(hosts)
    answers = at_once(partial(next(turns).post, path, **body) for body in bodies)
    return Counter(map(outcome, answers))


def outcome(answer: Answer) -> str:
    return str(answer.body.get("code", answer.status))


def messages(hosts: Hosts, phone: str) -> list[dict[str, str]]:
    return [message for host in hosts for message in host.messages(phone)]


def code_of(hosts: Hosts) -> str:
    [message] = messages(hosts, PHONE)
    return str(message["body"]).rsplit(" ", 1)[-1]


def test_an_address_gets_as_many_messages_as_its_limit_has(hosts: Hosts) -> None:
    bodies = [
        {"phone_number": f"+1415555{number:04}", "forwarded_for": HOLDER}
        for number in range(2000, 2064)
    ]
    assert by_turns(hosts, "get-code", bodies) == {"202": 50, "quota_exceeded": 14}
    assert sum(len(host.all_messages()) for host in hosts) == OTPCode.objects.count() == 50


def test_a_number_gets_one_message_however_many_ask(hosts: Hosts) -> None:
    bodies = [
        {"phone_number": PHONE, "forwarded_for": f"203.0.113.{number}"} for number in range(40)
    ]
    assert by_turns(hosts, "get-code", bodies) == {"202": 1, "cooldown": 39}
    assert len(messages(hosts, PHONE)) == 1


def test_a_code_takes_five_wrong_guesses_from_both_together(hosts: Hosts) -> None:
    hosts[1].post("get-code", phone_number=PHONE)
    guess = {"phone_number": PHONE, "code": wrong(code_of(hosts))}
    answers = by_turns(hosts, "auth-code", [guess] * 40)
    assert answers == {"invalid_code": 5, "too_many_attempts": 35}
    assert OTPCode.objects.get().failed_attempts == 5


def test_one_of_many_right_guesses_succeeds(hosts: Hosts) -> None:
    hosts[0].post("get-code", phone_number=PHONE)
    guess = {"phone_number": PHONE, "code": code_of(hosts)}
    assert by_turns(hosts, "auth-code", [guess] * 32) == {"200": 1, "invalid_code": 31}
    assert VerifiedPhone.objects.count() == 1


def test_neither_met_an_error(hosts: Hosts) -> None:
    bodies = [{"phone_number": PHONE, "forwarded_for": HOLDER}] * 20
    by_turns(hosts, "get-code", bodies)
    assert not any("Traceback" in host.log() for host in hosts)
