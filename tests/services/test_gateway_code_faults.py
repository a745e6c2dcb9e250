"""Codes that Twilio Verify checks, when all comes at once, and when processes are killed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from django.contrib.auth.models import User
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from django_sms_otp.models import Limit, OTPCode

from ..conftest import wrong
from ..support.fake_twilio import Answer as GatewayAnswer
from ..support.fake_twilio import refusal
from ..support.fake_verify import FakeVerify, fake_verify
from ..support.faults.server import COOLDOWN, LONG_ENOUGH, FaultyServer
from ..support.server import Answer, at_once

GRANTED = (200, "")
ISSUED = (202, "")
INVALID = (401, "invalid_code")
SPENT = (429, "too_many_attempts")
UNAVAILABLE = (503, "unavailable")

PHONES = (f"+1415555{number:04}" for number in itertools.count(3000))


@pytest.fixture(scope="module")
def one_verify() -> Iterator[FakeVerify]:
    with fake_verify() as verify:
        yield verify


@pytest.fixture(scope="module")
def one_server(
    django_db_setup: None, one_verify: FakeVerify, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyServer]:
    server = FaultyServer(
        tmp_path_factory.mktemp("server"),
        workers=2,
        threads=8,
        DJANGO_SETTINGS_MODULE="tests.support.verify_settings",
        TEST_SERVER_GATEWAY=one_verify.base_url,
    )
    yield server
    server.stop()


@pytest.fixture
def server(one_server: FaultyServer, transactional_db: None) -> FaultyServer:
    one_server.reset()
    return one_server


@pytest.fixture
def verify(one_verify: FakeVerify) -> FakeVerify:
    one_verify.answers()
    one_verify.approves_twice = False
    one_verify.requests.clear()
    return one_verify


@pytest.fixture
def phone() -> str:
    return next(PHONES)


def outcome(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.get("code", "")


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str]]:
    return Counter(map(outcome, answers))


def the_row(phone: str) -> OTPCode:
    return OTPCode.objects.get(phone_number=phone)


def counted(phone: str) -> tuple[int, int]:
    """Return the wrong guesses that the code's row, and the number's, have."""
    state = Limit.objects.get(subject=phone).state
    return the_row(phone).failed_attempts, state.get("guesses", {}).get("consecutive", 0)


def parallel_guesses(server: FaultyServer, phone: str, codes: list[str]) -> list[Answer]:
    return at_once([partial(server.auth_code, phone, code) for code in codes])


# All at once


@pytest.mark.parametrize("twice", [False, True], ids=["approved once", "approved twice"])
def test_one_of_many_parallel_right_guesses_succeeds(
    server: FaultyServer, verify: FakeVerify, phone: str, twice: bool
) -> None:
    verify.approves_twice = twice
    server.get_code(phone)
    code = verify.code(phone)

    answers = parallel_guesses(server, phone, [code] * 24)

    told = outcomes(answers)
    assert told.pop(GRANTED) == 1
    assert set(told) <= {INVALID, SPENT}
    assert User.objects.count() == OutstandingToken.objects.count() == 1
    assert the_row(phone).redeemed_at
    assert len(verify.requests_for("VerificationCheck")) <= 5


def test_parallel_wrong_guesses_reach_the_gateway_no_more_often_than_allowed(
    server: FaultyServer, verify: FakeVerify, phone: str
) -> None:
    server.get_code(phone)
    guess = wrong(verify.code(phone))

    answers = parallel_guesses(server, phone, [guess] * 30)

    assert outcomes(answers) == {INVALID: 5, SPENT: 25}
    assert counted(phone) == (5, 5)
    assert len(verify.requests_for("VerificationCheck")) == verify.open(phone).checks == 5


def test_a_right_guess_among_wrong_ones_is_counted_right(
    server: FaultyServer, verify: FakeVerify, phone: str
) -> None:
    server.get_code(phone)
    code = verify.code(phone)
    codes = [code if number % 3 == 1 else wrong(code) for number in range(12)]

    answers = parallel_guesses(server, phone, codes)

    row = the_row(phone)
    assert outcomes(answers)[GRANTED] == (1 if row.redeemed_at else 0)
    assert row.failed_attempts < 5 if row.redeemed_at else row.failed_attempts == 5


def test_parallel_attempts_that_nobody_looked_at_are_all_given_back(
    server: FaultyServer, verify: FakeVerify, phone: str
) -> None:
    server.get_code(phone)
    code = verify.code(phone)
    verify.answers(refusal(401, 20003))

    answers = parallel_guesses(server, phone, [code] * 5)

    assert outcomes(answers) == {UNAVAILABLE: 5}
    assert counted(phone) == (0, 0)
    verify.answers()
    assert outcome(server.auth_code(phone, code)) == GRANTED


# A process is killed


def test_killed_before_the_gateway_is_asked(
    server: FaultyServer, verify: FakeVerify, phone: str
) -> None:
    server.get_code(phone)
    code = verify.code(phone)
    server.killed("check", "auth-code", phone_number=phone, code=code)

    assert counted(phone) == (1, 1)
    assert verify.requests_for("VerificationCheck") == []
    assert outcome(server.auth_code(phone, code)) == GRANTED


def test_killed_before_the_attempt_is_committed(
    server: FaultyServer, verify: FakeVerify, phone: str
) -> None:
    server.get_code(phone)
    code = verify.code(phone)
    server.killed("commit", "auth-code", phone_number=phone, code=wrong(code))

    assert counted(phone) == (0, 0)
    assert verify.requests_for("VerificationCheck") == []
    assert outcome(server.auth_code(phone, code)) == GRANTED


def test_killed_between_the_approval_and_the_login(
    server: FaultyServer, verify: FakeVerify, phone: str
) -> None:
    """The gateway has spent its code. The attempt is counted once, and a new code works."""
    server.get_code(phone)
    code = verify.code(phone)
    server.killed("checked", "auth-code", phone_number=phone, code=code)

    assert [each.status for each in verify.verifications if each.to == phone] == ["approved"]
    assert the_row(phone).redeemed_at is None
    assert counted(phone) == (1, 1)
    assert outcome(server.auth_code(phone, code)) == INVALID
    server.clock.shift(COOLDOWN)
    assert outcome(server.get_code(phone)) == ISSUED
    assert outcome(server.auth_code(phone, verify.code(phone))) == GRANTED
    assert User.objects.count() == 1


def test_killed_before_a_login_is_answered(
    server: FaultyServer, verify: FakeVerify, phone: str
) -> None:
    server.get_code(phone)
    code = verify.code(phone)
    server.killed("answer", "auth-code", phone_number=phone, code=code)

    assert the_row(phone).redeemed_at
    assert counted(phone) == (0, 0)
    assert outcome(server.auth_code(phone, code)) == INVALID


@pytest.mark.parametrize("is_right", [False, True], ids=["wrong", "right"])
def test_killed_anywhere_leaves_no_free_guess_and_no_second_login(
    server: FaultyServer, verify: FakeVerify, is_right: bool
) -> None:
    """A guess that the gateway has looked at is counted, wherever the process dies."""
    for point in itertools.count(1):
        phone = next(PHONES)
        server.get_code(phone)
        code = verify.code(phone)
        server.plan.arm("kill", point)
        server.post_if_alive(
            "auth-code", phone_number=phone, code=code if is_right else wrong(code)
        )
        if server.plan.disarm():
            assert point > 5
            return
        [verification] = [each for each in verify.verifications if each.to == phone]
        row, checks = the_row(phone), verification.checks
        assert row.redeemed_at or row.failed_attempts >= checks
        again = outcome(server.auth_code(phone, code))
        assert again == (INVALID if checks and is_right else GRANTED)


# The gateway hangs


def test_while_the_gateway_hangs_others_log_in(
    server: FaultyServer, verify: FakeVerify, phone: str
) -> None:
    other = next(PHONES)
    for number in (phone, other):
        server.get_code(number)
    code, code_of_other = verify.code(phone), verify.code(other)
    verify.answers(
        GatewayAnswer(status=200, body="{}", delay=2.5), GatewayAnswer(hangs_up=True)
    )

    def log_in_other() -> Answer:
        while not verify.requests_for("VerificationCheck"):
            pass
        verify.answers()
        return server.auth_code(other, code_of_other)

    hanging, quick = at_once([partial(server.auth_code, phone, code), log_in_other])

    assert outcome(hanging) == UNAVAILABLE
    assert outcome(quick) == GRANTED
    assert counted(phone) == (1, 1)


def test_the_server_met_no_error(server: FaultyServer, verify: FakeVerify, phone: str) -> None:
    server.get_code(phone)
    code = verify.code(phone)
    parallel_guesses(server, phone, [code] * 8)
    server.clock.shift(LONG_ENOUGH)

    assert "Traceback" not in server.log()
    assert code not in server.log()
