"""What must hold when everything comes at once, at each isolation level that a site may set."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from psycopg import IsolationLevel

from django_sms_otp.models import OTPCode

from ..conftest import wrong
from ..support.server import Server, at_once
from .test_concurrency import outcomes

CHOICES: dict[str, dict[str, dict[str, Any]]] = {
    "postgresql": {
        "READ COMMITTED": {"isolation_level": IsolationLevel.READ_COMMITTED},
        "REPEATABLE READ": {"isolation_level": IsolationLevel.REPEATABLE_READ},
        "SERIALIZABLE": {"isolation_level": IsolationLevel.SERIALIZABLE},
    },
    "mysql": {
        "READ COMMITTED": {"isolation_level": "read committed"},
        "REPEATABLE READ": {"isolation_level": "repeatable read"},
        "SERIALIZABLE": {"isolation_level": "serializable"},
    },
    # Always serializable; a site may choose when a transaction takes its lock.
    "sqlite": {
        "IMMEDIATE": {"transaction_mode": "IMMEDIATE"},
        "EXCLUSIVE": {"transaction_mode": "EXCLUSIVE"},
    },
}
OPTIONS = CHOICES[connection.vendor]

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND, THIRD, *OTHERS = [f"+1415555{number:04}" for number in range(2671, 2690)]


@pytest.fixture(scope="module", params=OPTIONS)
def server(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    options = connection.settings_dict["OPTIONS"] | OPTIONS[request.param]
    with Server(tmp_path_factory.mktemp("server"), database={"OPTIONS": options}) as server:
        yield server
        assert "Traceback" not in server.log()


def test_one_of_many_parallel_right_codes_succeeds(server: Server) -> None:
    server.post("get-code", phone_number=FIRST)
    code = server.code(FIRST)
    answers = at_once([lambda: server.post("auth-code", phone_number=FIRST, code=code)] * 20)
    assert outcomes(answers) == {(200, ""): 1, (401, "invalid_code"): 19}


def test_parallel_wrong_codes_are_evaluated_no_more_often_than_allowed(server: Server) -> None:
    server.post("get-code", phone_number=SECOND)
    guess = wrong(server.code(SECOND))
    answers = at_once([lambda: server.post("auth-code", phone_number=SECOND, code=guess)] * 20)
    assert outcomes(answers) == {(401, "invalid_code"): 5, (429, "too_many_attempts"): 15}
    assert OTPCode.objects.get().failed_attempts == 5


def test_parallel_requests_for_a_new_number_send_one_message(server: Server) -> None:
    answers = at_once([lambda: server.post("get-code", phone_number=THIRD)] * 20)
    assert outcomes(answers) == {(202, ""): 1, (429, "cooldown"): 19}
    assert len(server.messages(THIRD)) == 1


def test_parallel_logins_of_new_numbers_all_succeed(server: Server) -> None:
    asked = at_once(partial(server.post, "get-code", phone_number=phone) for phone in OTHERS)
    assert outcomes(asked) == {(202, ""): len(OTHERS)}
    answers = at_once(
        partial(server.post, "auth-code", phone_number=phone, code=server.code(phone))
        for phone in OTHERS
    )
    assert outcomes(answers) == {(200, ""): len(OTHERS)}
    assert User.objects.count() == len(OTHERS)
