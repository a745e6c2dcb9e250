"""What must hold when something fails: processes killed, connections closed, gateways hanging.

The faults are real ones, in a real server. After each: no code works twice, no count is lost,
and the next request works.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import connection
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from django_sms_otp.models import DeliveryState, OTPCode

from ..conftest import wrong
from ..support.fake_twilio import Answer as GatewayAnswer
from ..support.fake_twilio import accepted, refusal
from ..support.faults.outage import close_all_others
from ..support.faults.server import COOLDOWN, LONG_ENOUGH, FaultyServer
from ..support.faults.site import Site, running_site
from ..support.server import Answer, at_once

GRANTED = (200, "")
ISSUED = (202, "")
INVALID = (401, "invalid_code")
COOLING = (429, "cooldown")
SPENT = (429, "too_many_attempts")
FAILED = (503, "delivery_failed")
UNAVAILABLE = (503, "unavailable")

HOUR = timedelta(hours=1)

PHONES = (f"+1415555{number:04}" for number in itertools.count(2000))

needs_connections = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has no connections to close"
)


@pytest.fixture(scope="module")
def one_process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyServer]:
    server = FaultyServer(tmp_path_factory.mktemp("server"), workers=1, threads=1)
    yield server
    server.stop()


@pytest.fixture
def server(one_process: FaultyServer, transactional_db: None) -> FaultyServer:
    """One process of one thread: the next request meets what a fault has left behind."""
    one_process.reset()
    return one_process


@pytest.fixture(scope="module")
def one_site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(one_site: Site, transactional_db: None) -> Site:
    one_site.server.reset()
    one_site.twilio.answers(accepted())
    return one_site


@pytest.fixture
def phone() -> str:
    return next(PHONES)


def outcome(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.get("code", "")


def the_row(phone_number: str) -> OTPCode:
    return OTPCode.objects.get(phone_number=phone_number)


def assert_works_once(server: FaultyServer, phone: str, code: str) -> None:
    assert outcome(server.auth_code(phone, code)) == GRANTED
    assert outcome(server.auth_code(phone, code)) == INVALID


def assert_login_works(server: FaultyServer, phone: str) -> None:
    """When the wait is over, a message comes, and its code works."""
    server.clock.shift(LONG_ENOUGH)
    assert outcome(server.get_code(phone)) == ISSUED
    assert_works_once(server, phone, server.newest_code(phone))


# A process is killed


def test_killed_before_the_message_is_sent(server: FaultyServer, phone: str) -> None:
    server.killed("send", "get-code", phone_number=phone)

    assert server.messages(phone) == []
    assert outcome(server.get_code(phone)) == COOLING
    server.clock.shift(COOLDOWN)
    assert outcome(server.get_code(phone)) == ISSUED
    assert_works_once(server, phone, server.code(phone))


def test_killed_before_the_sending_is_recorded(server: FaultyServer, phone: str) -> None:
    server.killed("sent", "get-code", phone_number=phone)

    assert outcome(server.get_code(phone)) == COOLING
    server.clock.shift(COOLDOWN)
    assert outcome(server.get_code(phone)) == ISSUED
    assert the_row(phone).send_count == len(server.messages(phone)) == 2
    assert_works_once(server, phone, server.newest_code(phone))


def test_killed_before_a_login_is_committed(server: FaultyServer, phone: str) -> None:
    server.get_code(phone)
    code = server.code(phone)
    server.killed("commit", "auth-code", phone_number=phone, code=code)

    assert the_row(phone).redeemed_at is None
    assert not User.objects.exists()
    assert_works_once(server, phone, code)


def test_killed_before_a_login_is_answered(server: FaultyServer, phone: str) -> None:
    """The code is used up, though nobody got the tokens: the person asks for a new one."""
    server.get_code(phone)
    code = server.code(phone)
    server.killed("committed", "auth-code", phone_number=phone, code=code)

    assert the_row(phone).redeemed_at
    assert outcome(server.auth_code(phone, code)) == INVALID
    assert outcome(server.get_code(phone)) == ISSUED
    assert_works_once(server, phone, server.newest_code(phone))
    assert User.objects.count() == 1


@pytest.mark.parametrize(("point", "counted"), [("commit", 0), ("committed", 1)])
def test_killed_over_a_wrong_code(
    server: FaultyServer, phone: str, point: str, counted: int
) -> None:
    server.get_code(phone)
    code = server.code(phone)
    server.killed(point, "auth-code", phone_number=phone, code=wrong(code))

    assert the_row(phone).failed_attempts == counted
    for _ in range(5 - counted):
        assert outcome(server.auth_code(phone, wrong(code))) == INVALID
    assert outcome(server.auth_code(phone, code)) == SPENT


# A process is killed, or its connection closed by the database, at each point in turn


FAULTS = ["kill", pytest.param("drop", marks=needs_connections)]


def everywhere(
    server: FaultyServer, fault: str, path: str, prepare: Callable[[str], dict[str, str]]
) -> Iterator[tuple[str, Answer | None]]:
    """Post for one number after another, with the fault at the first point, the second, ...

    Ends where a request has no more points. Yields the numbers with what was answered.
    """
    for point in itertools.count(1):
        phone = next(PHONES)
        body = prepare(phone)
        server.plan.arm(fault, point)
        answer = server.post_if_alive(path, phone_number=phone, **body)
        if server.plan.disarm():
            assert point > 5
            return
        assert (answer is None) == (fault == "kill")
        # Either fault costs one request: this one, or the first that meets what is left.
        after = outcome(server.get_code(next(PHONES)))
        was_noticed = answer is None or outcome(answer) == UNAVAILABLE
        assert after in ({ISSUED} if was_noticed else {ISSUED, UNAVAILABLE})
        yield phone, answer


@pytest.mark.parametrize("fault", FAULTS)
def test_get_code_broken_off_anywhere(server: FaultyServer, fault: str) -> None:
    for phone, answer in everywhere(server, fault, "get-code", lambda _: {}):
        sent = len(server.messages(phone))
        assert answer is None or outcome(answer) == (ISSUED if sent else UNAVAILABLE)
        if sent:
            row = the_row(phone)
            assert row.send_count == sent
            assert answer is None or row.delivery_state == DeliveryState.SENT
            assert outcome(server.get_code(phone)) == COOLING
        assert_login_works(server, phone)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_login_broken_off_anywhere(server: FaultyServer, fault: str) -> None:
    def right(phone: str) -> dict[str, str]:
        server.get_code(phone)
        return {"code": server.code(phone)}

    for phone, answer in everywhere(server, fault, "auth-code", right):
        is_used = the_row(phone).redeemed_at is not None
        assert answer is None or outcome(answer) in {GRANTED, UNAVAILABLE}
        assert is_used or answer is None or outcome(answer) == UNAVAILABLE
        code = server.code(phone)
        assert outcome(server.auth_code(phone, code)) == (INVALID if is_used else GRANTED)
        assert outcome(server.auth_code(phone, code)) == INVALID
        user = User.objects.get(verified_phones__phone_number=phone)
        assert OutstandingToken.objects.filter(user=user).count() == 1
        assert_login_works(server, phone)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_code_broken_off_anywhere(server: FaultyServer, fault: str) -> None:
    def guess(phone: str) -> dict[str, str]:
        server.get_code(phone)
        return {"code": wrong(server.code(phone))}

    for phone, answer in everywhere(server, fault, "auth-code", guess):
        counted = the_row(phone).failed_attempts
        assert answer is None or outcome(answer) in {INVALID, UNAVAILABLE}
        assert counted or answer is None or outcome(answer) == UNAVAILABLE
        assert_works_once(server, phone, server.code(phone))


# Connections are closed while nothing happens


@needs_connections
def test_a_connection_that_was_closed_while_idle_fails_one_request(
    server: FaultyServer, phone: str
) -> None:
    server.get_code(next(PHONES))
    close_all_others()

    assert outcome(server.get_code(phone)) == UNAVAILABLE
    assert outcome(server.get_code(phone)) == ISSUED
    assert_works_once(server, phone, server.code(phone))


@needs_connections
def test_with_health_checks_a_connection_that_was_closed_while_idle_fails_none(
    site: Site,
) -> None:
    phones = list(itertools.islice(PHONES, 8))
    at_once([lambda: site.server.get_code(next(PHONES))] * 8)
    close_all_others()

    answers = at_once([partial(site.server.get_code, phone) for phone in phones])

    assert [outcome(answer) for answer in answers] == [ISSUED] * 8


# A commit that was carried out, though the line broke before the database could say so


@needs_connections
def test_a_request_whose_commit_is_in_doubt_sends_nothing_and_waits(
    site: Site, phone: str
) -> None:
    site.server.plan.arm("deafen", "commit")
    assert outcome(site.server.get_code(phone)) == UNAVAILABLE

    assert site.sent(phone) == []
    assert the_row(phone).send_count == 1
    assert outcome(site.server.get_code(phone)) == COOLING
    site.server.clock.shift(COOLDOWN)
    assert outcome(site.server.get_code(phone)) == ISSUED
    [code] = site.sent(phone)
    assert_works_once(site.server, phone, code)


@needs_connections
def test_a_login_whose_commit_is_in_doubt_has_used_up_the_code(site: Site, phone: str) -> None:
    site.server.get_code(phone)
    [code] = site.sent(phone)
    site.server.plan.arm("deafen", "commit")
    assert outcome(site.server.auth_code(phone, code)) == UNAVAILABLE

    assert the_row(phone).redeemed_at
    assert outcome(site.server.auth_code(phone, code)) == INVALID
    assert outcome(site.server.get_code(phone)) == ISSUED
    assert_works_once(site.server, phone, site.sent(phone)[-1])
    assert User.objects.count() == 1


@needs_connections
def test_a_wrong_code_whose_commit_is_in_doubt_is_counted_once(site: Site, phone: str) -> None:
    site.server.get_code(phone)
    [code] = site.sent(phone)
    site.server.plan.arm("deafen", "commit")
    assert outcome(site.server.auth_code(phone, wrong(code))) == UNAVAILABLE

    assert the_row(phone).failed_attempts == 1
    assert_works_once(site.server, phone, code)


# The database is gone for a while


def test_without_the_database_nothing_is_sent_and_no_code_is_lost(
    site: Site, phone: str
) -> None:
    issued = site.server.get_code(phone)
    [code] = site.sent(phone)
    other = next(PHONES)
    by_id = {"request_id": issued.body["request_id"], "code": code}
    log_before = len(site.server.log())

    with site.database_outage():
        answers = at_once(
            [
                partial(site.server.get_code, other),
                partial(site.server.auth_code, phone, code),
                partial(site.server.post, "auth-code", **by_id),
            ]
        )

    for answer in answers:
        assert_unavailable(answer)
    assert_shows_the_place_alone(site.server.log()[log_before:], code, phone, other)
    assert site.sent(other) == []
    assert_works_once(site.server, phone, code)
    assert outcome(site.server.get_code(other)) == ISSUED


def assert_unavailable(answer: Answer) -> None:
    assert outcome(answer) == UNAVAILABLE
    assert answer.body["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["cache-control"] == "no-store"


def assert_shows_the_place_alone(log: str, code: str, *phones: str) -> None:
    assert "in redeem_code" in log
    assert "Traceback" not in log
    assert code not in log
    assert not [phone for phone in phones if phone.removeprefix("+") in log]


def test_a_message_that_went_is_answered_though_the_database_went_away(
    site: Site, phone: str
) -> None:
    site.twilio.answers(accepted(delay=1))

    with site.while_the_gateway_is_asked(phone) as answer, site.database_outage():
        assert outcome(answer.result()) == ISSUED

    assert answer.result().body["request_id"] == str(the_row(phone).pk)
    assert outcome(site.server.get_code(phone)) == COOLING
    [code] = site.sent(phone)
    assert_works_once(site.server, phone, code)


def test_a_wait_that_could_not_be_given_back_passes(site: Site, phone: str) -> None:
    site.twilio.answers(refusal(400, 21606, delay=1), accepted())

    with site.while_the_gateway_is_asked(phone) as answer, site.database_outage():
        assert outcome(answer.result()) in {FAILED, UNAVAILABLE}

    assert outcome(site.server.get_code(phone)) == COOLING
    site.server.clock.shift(COOLDOWN)
    assert outcome(site.server.get_code(phone)) == ISSUED
    assert_works_once(site.server, phone, site.sent(phone)[-1])


# The gateway is slow, hangs, or refuses connections

# The site waits for three seconds.
HANGING = accepted(delay=4)


def test_a_slow_gateway_makes_a_slow_answer(site: Site, phone: str) -> None:
    site.twilio.answers(accepted(delay=0.5))

    assert outcome(site.server.get_code(phone)) == ISSUED
    [code] = site.sent(phone)
    assert_works_once(site.server, phone, code)


@pytest.mark.parametrize(
    "failure", [HANGING, GatewayAnswer(hangs_up=True)], ids=["hangs", "hangs up"]
)
def test_where_nobody_knows_the_code_works_and_no_second_message_is_sent(
    site: Site, phone: str, failure: GatewayAnswer
) -> None:
    site.twilio.answers(failure, accepted())

    answer = site.server.get_code(phone)

    assert outcome(answer) == FAILED
    assert answer.body["request_id"] == str(the_row(phone).pk)
    assert outcome(site.server.get_code(phone)) == COOLING
    [code] = site.sent(phone)
    assert_works_once(site.server, phone, code)
    assert outcome(site.server.get_code(phone)) == ISSUED


def test_while_the_gateway_hangs_nobody_waits_for_it(site: Site, phone: str) -> None:
    site.twilio.answers(HANGING, accepted())
    other = next(PHONES)

    with site.while_the_gateway_is_asked(phone) as hanging:
        [code] = site.sent(phone)
        assert outcome(site.server.get_code(phone)) == COOLING
        assert outcome(site.server.get_code(other)) == ISSUED
        assert_works_once(site.server, phone, code)
        assert not hanging.done()

    assert outcome(hanging.result()) == FAILED


def test_a_gateway_that_refuses_connections_costs_no_wait(site: Site, phone: str) -> None:
    with site.gateway.outage():
        answer = site.server.get_code(phone)

    assert outcome(answer) == FAILED
    assert "request_id" not in answer.body
    assert outcome(site.server.get_code(phone)) == ISSUED
    [code] = site.sent(phone)
    assert_works_once(site.server, phone, code)


# The clock steps back


def test_a_code_of_before_the_clock_stepped_back_works_once(
    server: FaultyServer, phone: str
) -> None:
    server.get_code(phone)
    server.clock.shift(-HOUR)

    assert_works_once(server, phone, server.code(phone))


def test_a_clock_that_steps_back_gives_no_attempt_back(
    server: FaultyServer, phone: str
) -> None:
    server.get_code(phone)
    code = server.code(phone)
    for _ in range(3):
        assert outcome(server.auth_code(phone, wrong(code))) == INVALID
    server.clock.shift(-HOUR)

    for _ in range(2):
        assert outcome(server.auth_code(phone, wrong(code))) == INVALID
    assert outcome(server.auth_code(phone, code)) == SPENT


def test_a_clock_that_steps_back_frees_nobody_from_a_wait_and_says_how_long_it_is(
    server: FaultyServer, phone: str
) -> None:
    server.get_code(phone)
    server.clock.shift(-HOUR)

    refused = server.get_code(phone)

    assert outcome(refused) == COOLING
    assert len(server.messages(phone)) == 1
    server.clock.shift(timedelta(seconds=int(refused.headers["retry-after"])))
    assert outcome(server.get_code(phone)) == ISSUED
    assert_works_once(server, phone, server.newest_code(phone))


def test_the_code_that_was_asked_for_after_the_clock_stepped_back_is_the_newest(
    server: FaultyServer, phone: str
) -> None:
    server.get_code(phone)
    first = server.code(phone)
    assert_works_once(server, phone, first)
    server.clock.shift(-HOUR)

    assert outcome(server.get_code(phone)) == ISSUED

    second = server.newest_code(phone)
    assert_works_once(server, phone, second)
    assert outcome(server.auth_code(phone, first)) == INVALID


def test_numbers_that_the_clock_did_not_know_before_it_stepped_back_do_not_wait(
    server: FaultyServer, phone: str
) -> None:
    server.get_code(next(PHONES))
    server.clock.shift(-HOUR)

    assert outcome(server.get_code(phone)) == ISSUED
    assert_works_once(server, phone, server.code(phone))
