"""What must hold when everything comes at once: over real HTTP, on a real database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from django_sms_otp.models import OTPCode, VerifiedPhone

from ..conftest import wrong
from ..support.server import Answer, Server, at_once

ROUNDS = [f"+1415555{number:04}" for number in range(2671, 2674)]


@pytest.fixture
def server(transactional_db: None, tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.stop()


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str]]:
    return Counter((answer.status, answer.body.get("code", "")) for answer in answers)


def test_one_of_many_parallel_right_codes_succeeds(server: Server) -> None:
    for phone in ROUNDS:
        server.post("get-code", phone_number=phone)
        code = server.code(phone)
        answers = at_once(
            [lambda: server.post("auth-code", phone_number=phone, code=code)] * 32
        )
        assert outcomes(answers) == {(200, ""): 1, (401, "invalid_code"): 31}
    assert User.objects.count() == VerifiedPhone.objects.count() == len(ROUNDS)
    assert OutstandingToken.objects.count() == len(ROUNDS)


def test_parallel_wrong_codes_are_evaluated_no_more_often_than_allowed(server: Server) -> None:
    for phone in ROUNDS:
        server.post("get-code", phone_number=phone)
        code = server.code(phone)
        guess = wrong(code)
        answers = at_once(
            [lambda: server.post("auth-code", phone_number=phone, code=guess)] * 60
        )
        assert outcomes(answers) == {(401, "invalid_code"): 5, (429, "too_many_attempts"): 55}
        assert OTPCode.objects.get(phone_number=phone).failed_attempts == 5
        right = server.post("auth-code", phone_number=phone, code=code)
        assert (right.status, right.body["code"]) == (429, "too_many_attempts")
    assert not User.objects.exists()


def test_a_right_code_among_parallel_wrong_ones_never_succeeds_after_the_last_attempt(
    server: Server,
) -> None:
    for phone in ROUNDS:
        server.post("get-code", phone_number=phone)
        code = server.code(phone)
        guesses = [code if number % 10 == 5 else wrong(code) for number in range(40)]
        answers = at_once(
            partial(server.post, "auth-code", phone_number=phone, code=guess)
            for guess in guesses
        )
        row = OTPCode.objects.get(phone_number=phone)
        successes = [answer for answer in answers if answer.status == 200]
        assert len(successes) == (1 if row.redeemed_at else 0)
        assert row.failed_attempts < 5 if row.redeemed_at else row.failed_attempts == 5


def test_parallel_requests_for_a_new_number_send_one_message(server: Server) -> None:
    for phone in ROUNDS:
        answers = at_once([lambda: server.post("get-code", phone_number=phone)] * 50)
        assert outcomes(answers) == {(202, ""): 1, (429, "cooldown"): 49}
        assert len(server.messages(phone)) == 1
        assert OTPCode.objects.filter(phone_number=phone).count() == 1


def test_the_server_met_no_error(server: Server) -> None:
    phone = ROUNDS[0]
    at_once([lambda: server.post("get-code", phone_number=phone)] * 20)
    code = server.code(phone)
    at_once([lambda: server.post("auth-code", phone_number=phone, code=code)] * 20)
    assert "Traceback" not in server.log()
    assert code not in server.log()
