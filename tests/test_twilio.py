"""The Twilio backend: the real SDK, over HTTP, against a server on this machine."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import traceback
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from django_sms_otp.backends import get_backend
from django_sms_otp.backends.base import SMSMessage
from django_sms_otp.backends.twilio import SMSBackend
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)

from .fake_twilio import (
    MESSAGE_SID,
    Answer,
    FakeTwilio,
    accepted,
    fake_twilio,
    problem,
    refusal,
)

ACCOUNT_SID = "AC" + "1" * 32
AUTH_TOKEN = "token-of-the-account-7f3a"
API_KEY_SID = "SK" + "2" * 32
API_KEY_SECRET = "secret-of-the-key-9c1b"
SERVICE_SID = "MG" + "3" * 32
SENDER = "+15005550006"
PHONE = "+14155552671"
CODE = "482913"
OPTIONS: dict[str, Any] = {
    "account_sid": ACCOUNT_SID,
    "auth_token": AUTH_TOKEN,
    "from_number": SENDER,
    "timeout": 5,
}


def make_message(valid_for: timedelta = timedelta(minutes=10)) -> SMSMessage:
    return SMSMessage(
        to=PHONE,
        body=f"Your code is {CODE}",
        code=CODE,
        purpose="login",
        request_id=uuid.UUID(int=7),
        valid_for=valid_for,
    )


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in OPTIONS.items() if name not in names}


MakeBackend = Callable[..., SMSBackend]


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with fake_twilio() as server:
        yield server


@pytest.fixture
def make_backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBackend]:
    """Make backends whose connections are closed after the test."""
    made: list[SMSBackend] = []
    monkeypatch.setattr("django_sms_otp.backends.twilio_api.RATE_RETRY_BASE", 0.001)

    def make(**options: Any) -> SMSBackend:
        backend = SMSBackend(alias="default", **options)
        made.append(backend)
        return backend

    yield make
    for backend in made:
        backend._client.http_client.session.close()


@pytest.fixture
def backend(twilio: FakeTwilio, make_backend: MakeBackend) -> SMSBackend:
    return make_backend(**OPTIONS, base_url=twilio.base_url)


def failure_of(backend: SMSBackend) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        backend.send(make_message())
    return caught.value


# What is sent


def test_a_message_is_created_under_the_account(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message())

    [request] = twilio.requests
    assert request.method == "POST"
    assert request.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"


def test_a_message_from_a_number_has_just_these_fields(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message())

    assert twilio.requests[0].form == {
        "To": PHONE,
        "Body": f"Your code is {CODE}",
        "From": SENDER,
        "ValidityPeriod": "600",
    }


def test_a_message_of_a_messaging_service_has_no_sender_of_its_own(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    options = {**without("from_number"), "messaging_service_sid": SERVICE_SID}
    make_backend(**options, base_url=twilio.base_url).send(make_message())

    assert twilio.requests[0].form == {
        "To": PHONE,
        "Body": f"Your code is {CODE}",
        "MessagingServiceSid": SERVICE_SID,
        "ValidityPeriod": "600",
    }


@pytest.mark.parametrize(
    ("valid_for", "seconds"),
    [
        (timedelta(seconds=-5), "1"),
        (timedelta(0), "1"),
        (timedelta(milliseconds=900), "1"),
        (timedelta(seconds=61.9), "61"),
        (timedelta(hours=10), "36000"),
        (timedelta(hours=10, seconds=1), "36000"),
        (timedelta(days=3), "36000"),
    ],
)
def test_the_validity_period_is_the_rest_of_the_lifetime_as_far_as_twilio_takes_it(
    backend: SMSBackend, twilio: FakeTwilio, valid_for: timedelta, seconds: str
) -> None:
    backend.send(make_message(valid_for))

    assert twilio.requests[0].form["ValidityPeriod"] == seconds


def test_a_body_of_several_scripts_and_lines_arrives_as_it_is(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    body = f"Ваш код & code + 100%: {CODE} 🔑\n@example.com #{CODE}"
    message = SMSMessage(
        to=PHONE,
        body=body,
        code=CODE,
        purpose="login",
        request_id=uuid.UUID(int=7),
        valid_for=timedelta(minutes=5),
    )

    backend.send(message)

    assert twilio.requests[0].form["Body"] == body


def test_the_account_authenticates_with_its_auth_token(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    backend.send(make_message())

    assert twilio.requests[0].credentials == (ACCOUNT_SID, AUTH_TOKEN)


def test_an_api_key_authenticates_and_the_address_keeps_the_account(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    key = {"api_key_sid": API_KEY_SID, "api_key_secret": API_KEY_SECRET}
    make_backend(**without("auth_token"), **key, base_url=twilio.base_url).send(make_message())

    [request] = twilio.requests
    assert request.credentials == (API_KEY_SID, API_KEY_SECRET)
    assert request.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"


def test_the_result_carries_twilios_name_for_the_message(backend: SMSBackend) -> None:
    assert backend.send(make_message()).message_id == MESSAGE_SID


def test_it_is_found_by_its_module(
    settings: Any, make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    settings.SMS_OTP_BACKENDS = {
        "default": {
            "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
            "OPTIONS": {**OPTIONS, "base_url": twilio.base_url},
        }
    }

    assert get_backend().send(make_message()).message_id == MESSAGE_SID


# What Twilio answers


REFUSED = [
    (400, 21211, "invalid_phone_number", False),
    (400, 21266, "invalid_phone_number", False),
    (400, 21614, "phone_number_not_sms_capable", False),
    (400, 21635, "phone_number_not_sms_capable", False),
    (400, 30006, "phone_number_not_sms_capable", False),
    (400, 21408, "region_not_supported", True),
    (400, 60605, "region_not_supported", True),
    (400, 21610, "recipient_opted_out", False),
]
NOT_DELIVERED = [
    (400, 21612, False),
    (400, 21608, True),
    (400, 21212, True),
    (400, 21601, True),
    (400, 21606, True),
    (400, 21659, True),
    (401, 20003, True),
    (404, 20404, True),
    (400, 21611, False),
    (400, 30001, False),
    (400, 30002, True),
    (400, 30034, True),
    (400, 21624, True),
    (400, 30029, True),
    (400, 30030, True),
]
SHAPES = pytest.mark.parametrize("shape", [refusal, problem], ids=["older", "rfc9457"])


@SHAPES
@pytest.mark.parametrize(("status", "code", "word", "needs_attention"), REFUSED)
def test_a_refused_number_is_told_by_our_word(  # noqa: PLR0917
    backend: SMSBackend,
    twilio: FakeTwilio,
    shape: Callable[[int, int], Answer],
    status: int,
    code: int,
    word: str,
    needs_attention: bool,
) -> None:
    twilio.answers(shape(status, code))

    error = failure_of(backend)

    assert type(error) is DeliveryRefused
    assert (error.code, error.error_code) == (word, str(code))
    assert error.needs_attention is needs_attention
    assert len(twilio.requests) == 1


@SHAPES
@pytest.mark.parametrize(("status", "code", "needs_attention"), NOT_DELIVERED)
def test_a_fault_of_the_site_or_of_twilio_means_not_sent(  # noqa: PLR0917
    backend: SMSBackend,
    twilio: FakeTwilio,
    shape: Callable[[int, int], Answer],
    status: int,
    code: int,
    needs_attention: bool,
) -> None:
    twilio.answers(shape(status, code))

    error = failure_of(backend)

    assert type(error) is NotDelivered
    assert error.error_code == str(code)
    assert error.needs_attention is needs_attention
    assert len(twilio.requests) == 1


@SHAPES
@pytest.mark.parametrize("code", [30450, 30453])
def test_a_fraud_block_has_a_class_of_its_own(
    backend: SMSBackend,
    twilio: FakeTwilio,
    shape: Callable[[int, int], Answer],
    code: int,
) -> None:
    twilio.answers(shape(400, code))

    error = failure_of(backend)

    assert type(error) is DeliveryBlocked
    assert error.error_code == str(code)


@pytest.mark.parametrize("status", [400, 405, 409, 415, 422])
def test_an_unknown_4xx_was_not_sent(
    backend: SMSBackend, twilio: FakeTwilio, status: int
) -> None:
    twilio.answers(refusal(status, 29999))

    error = failure_of(backend)

    assert type(error) is NotDelivered
    assert (error.error_code, error.needs_attention) == ("29999", False)
    assert len(twilio.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_without_a_code_of_twilios_needs_attention(
    backend: SMSBackend, twilio: FakeTwilio, status: int
) -> None:
    twilio.answers(Answer(status=status, body="<html>Who are you?</html>"))

    error = failure_of(backend)

    assert isinstance(error, NotDelivered)
    assert (error.error_code, error.needs_attention) == (str(status), True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_after_a_5xx_nobody_knows_and_nothing_is_sent_again(
    backend: SMSBackend, twilio: FakeTwilio, status: int
) -> None:
    twilio.answers(Answer(status=status, body="<html>Sorry</html>"))

    error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    assert error.error_code == str(status)
    assert len(twilio.requests) == 1


def test_after_a_5xx_with_an_unknown_code_nobody_knows(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(problem(500, 20500))

    error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    assert error.error_code == "20500"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    backend: SMSBackend, twilio: FakeTwilio, status: int
) -> None:
    elsewhere = {"Location": f"{twilio.base_url}/elsewhere"}
    twilio.answers(Answer(status=status, headers=elsewhere), accepted())

    error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    assert error.error_code == str(status)
    assert len(twilio.requests) == 1


@pytest.mark.parametrize("body", ["", "<html>Hello</html>", '{"sid": '])
def test_after_a_success_that_is_no_json_nobody_knows(
    backend: SMSBackend, twilio: FakeTwilio, body: str
) -> None:
    twilio.answers(Answer(status=201, body=body))

    assert type(failure_of(backend)) is DeliveryUnknown
    assert len(twilio.requests) == 1


@pytest.mark.parametrize("body", ["null", "[]", '"queued"'])
def test_after_a_success_that_is_no_object_nobody_knows(
    backend: SMSBackend, twilio: FakeTwilio, body: str
) -> None:
    twilio.answers(Answer(status=201, body=body))

    assert type(failure_of(backend)) is DeliveryUnknown


@pytest.mark.parametrize("status", ["failed", "undelivered"])
def test_a_message_created_as_failed_was_not_sent(
    backend: SMSBackend, twilio: FakeTwilio, status: str
) -> None:
    twilio.answers(accepted(status=status, error_code=30034))

    error = failure_of(backend)

    assert type(error) is NotDelivered
    assert (error.error_code, error.needs_attention) == ("30034", True)


def test_a_message_created_as_failed_by_opt_out_is_a_refusal(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(accepted(status="failed", error_code=21610))

    error = failure_of(backend)

    assert type(error) is DeliveryRefused
    assert error.code == "recipient_opted_out"


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "sent", "scheduled"])
def test_every_other_first_status_is_a_success(
    backend: SMSBackend, twilio: FakeTwilio, status: str
) -> None:
    twilio.answers(accepted(status=status))

    assert backend.send(make_message()).message_id == MESSAGE_SID


# Too many requests


@SHAPES
def test_a_429_is_tried_twice_more_and_then_given_up(
    backend: SMSBackend, twilio: FakeTwilio, shape: Callable[[int, int], Answer]
) -> None:
    twilio.answers(shape(429, 20429))

    error = failure_of(backend)

    assert isinstance(error, NotDelivered)
    assert error.error_code == "20429"
    assert error.retry_after > timedelta(0)
    assert not error.needs_attention
    assert len(twilio.requests) == 3


def test_a_429_without_a_code_is_tried_again_too(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(Answer(status=429, body="Slow down"), accepted())

    assert backend.send(make_message()).message_id == MESSAGE_SID
    assert len(twilio.requests) == 2


def test_a_429_and_then_a_success_makes_two_equal_requests(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(refusal(429, 20429), accepted())

    assert backend.send(make_message()).message_id == MESSAGE_SID
    first, second = twilio.requests
    assert first.form == second.form


def test_a_429_and_then_a_5xx_ends_there(backend: SMSBackend, twilio: FakeTwilio) -> None:
    twilio.answers(refusal(429, 20429), Answer(status=503), accepted())

    assert type(failure_of(backend)) is DeliveryUnknown
    assert len(twilio.requests) == 2


def test_the_waits_between_tries_grow_and_fit_into_a_request(
    twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("django_sms_otp.backends.twilio_api.time.sleep", waits.append)
    backend = SMSBackend(alias="default", **OPTIONS, base_url=twilio.base_url)
    twilio.answers(refusal(429, 20429))

    failure_of(backend)

    first, second = waits
    assert 0.05 <= first <= 0.15
    assert 0.1 <= second <= 0.3


# The line


def test_an_answer_that_comes_too_late_is_unknown_and_the_only_request(
    make_backend: MakeBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(Answer(status=201, delay=0.5))
    backend = make_backend(**{**OPTIONS, "timeout": 0.1}, base_url=twilio.base_url)

    error = failure_of(backend)

    assert type(error) is DeliveryUnknown
    assert error.error_code == "ReadTimeout"
    assert len(twilio.requests) == 1


def test_a_connection_closed_without_an_answer_is_unknown_and_the_only_request(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    twilio.answers(Answer(hangs_up=True))

    assert type(failure_of(backend)) is DeliveryUnknown
    assert len(twilio.requests) == 1


def test_a_refused_connection_means_not_sent(make_backend: MakeBackend) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = make_backend(**OPTIONS, base_url=f"http://127.0.0.1:{port}")

    error = failure_of(backend)

    assert type(error) is NotDelivered
    assert error.error_code == "NewConnectionError"


def test_a_host_that_does_not_exist_means_not_sent(make_backend: MakeBackend) -> None:
    # RFC 6761, 6.4: never resolves.
    backend = make_backend(**OPTIONS, base_url="http://twilio.invalid")

    assert type(failure_of(backend)) is NotDelivered


# Region and edge


API = "https://api.twilio.com/2010-04-01"


def host_of(backend: SMSBackend) -> str:
    address: str = backend._client.get_hostname(API)
    return address.removeprefix("https://").partition("/")[0]


def test_by_default_the_host_is_twilios_global_one(make_backend: MakeBackend) -> None:
    assert host_of(make_backend(**OPTIONS)) == "api.twilio.com"
    assert make_backend(**OPTIONS)._client.api.base_url == "https://api.twilio.com"


def test_region_and_edge_are_in_the_host(make_backend: MakeBackend) -> None:
    backend = make_backend(**OPTIONS, region="ie1", edge="dublin")

    assert host_of(backend) == "api.dublin.ie1.twilio.com"


def test_an_edge_alone_leads_to_the_region_us1(make_backend: MakeBackend) -> None:
    assert host_of(make_backend(**OPTIONS, edge="ashburn")) == "api.ashburn.us1.twilio.com"


def test_the_environment_of_the_sdk_is_not_read(
    make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_REGION", "au1")
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "9" * 32)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "from-the-environment")

    client = make_backend(**OPTIONS)._client

    assert client.get_hostname(API) == API
    assert client.auth == (ACCOUNT_SID, AUTH_TOKEN)
    assert client.account_sid == ACCOUNT_SID


# Options


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (without("account_sid"), "account_sid"),
        ({**OPTIONS, "account_sid": "SK" + "1" * 32}, "account_sid"),
        ({**OPTIONS, "account_sid": None}, "account_sid"),
        (without("auth_token"), "auth_token"),
        ({**OPTIONS, "auth_token": None}, "auth_token"),
        ({**without("auth_token"), "api_key_sid": API_KEY_SID}, "api_key_secret"),
        ({**without("auth_token"), "api_key_secret": API_KEY_SECRET}, "api_key_sid"),
        (
            {**OPTIONS, "api_key_sid": API_KEY_SID, "api_key_secret": API_KEY_SECRET},
            "auth_token",
        ),
        ({**OPTIONS, "api_key_sid": API_KEY_SID}, "api_key_secret"),
        ({**OPTIONS, "api_key_secret": API_KEY_SECRET}, "api_key_sid"),
        (without("from_number"), "from_number"),
        ({**OPTIONS, "messaging_service_sid": SERVICE_SID}, "messaging_service_sid"),
        ({**OPTIONS, "timeout": 0}, "timeout"),
        ({**OPTIONS, "timeout": -1}, "timeout"),
        ({**OPTIONS, "timeout": None}, "timeout"),
        ({**OPTIONS, "timeout": "10"}, "timeout"),
        ({**OPTIONS, "base_url": "http://localhost", "edge": "dublin"}, "edge"),
        ({**OPTIONS, "base_url": "http://localhost", "region": "ie1"}, "region"),
        ({**OPTIONS, "region": "ie1"}, "edge"),
        ({**OPTIONS, "time_out": 10}, "Did you mean 'timeout'?"),
        ({**OPTIONS, "sender": SENDER}, "unknown option 'sender'"),
    ],
)
def test_a_bad_combination_of_options_is_refused_by_name(
    options: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidBackend) as caught:
        SMSBackend(alias="sms", **options)

    text = str(caught.value)
    assert text.startswith("SMS_OTP_BACKENDS['sms']: ")
    assert named in text
    assert caught.value.alias == "sms"
    assert AUTH_TOKEN not in text
    assert API_KEY_SECRET not in text


def test_without_the_sdk_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "twilio.rest", None)
    monkeypatch.setitem(sys.modules, "twilio.http.http_client", None)

    with pytest.raises(InvalidBackend, match=r"pip install 'django-sms-otp\[twilio\]'"):
        SMSBackend(alias="default", **OPTIONS)


def test_importing_the_backend_does_not_import_the_sdk() -> None:
    program = (
        "import sys, django; django.setup(); "
        "import django_sms_otp.backends.twilio; "
        "sys.exit(any(name.partition('.')[0] in {'twilio', 'requests', 'urllib3'} "
        "for name in sys.modules))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=False, capture_output=True
    )

    assert done.returncode == 0, done.stderr.decode()


# What nobody gets to see


LEAKS = [
    pytest.param(accepted(to=PHONE, body=f"Your code is {CODE}"), id="success"),
    pytest.param(
        refusal(400, 21211, f"The 'To' number {PHONE} is not valid: {CODE}."), id="older"
    ),
    pytest.param(problem(400, 21614, f"{PHONE} cannot get '{CODE}'."), id="rfc9457"),
    pytest.param(refusal(429, 20429, f"{PHONE} {CODE}"), id="too-many"),
    pytest.param(refusal(500, 20500, f"{PHONE} {CODE}"), id="broken"),
    pytest.param(Answer(status=201, body=f"{PHONE} {CODE}"), id="no-json"),
    pytest.param(Answer(hangs_up=True), id="hung-up"),
    pytest.param(Answer(delay=0.5), id="too-late"),
]
SECRETS = [CODE, PHONE, PHONE.removeprefix("+"), AUTH_TOKEN]


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that is attached to it, shown in a traceback or not."""
    pending, seen = [error], set[int]()
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [each.__cause__, each.__context__]


def outcome_texts(backend: SMSBackend) -> list[str]:
    try:
        result = backend.send(make_message())
    except DeliveryError as error:
        texts = ["".join(traceback.format_exception(error))]
        for each in chain_of(error):
            texts += [str(each), repr(each), repr(vars(each))]
        return texts
    return [repr(result)]


@pytest.mark.parametrize("answer", LEAKS)
def test_no_log_shows_code_number_or_token(
    make_backend: MakeBackend,
    twilio: FakeTwilio,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
) -> None:
    backend = make_backend(**{**OPTIONS, "timeout": 0.2}, base_url=twilio.base_url)
    twilio.answers(answer)

    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "twilio"):
        outcome_texts(backend)

    # The SDK does log, so the test looks at something.
    assert any(record.name == "twilio.http_client" for record in caplog.records)
    shown = caplog.text + "".join(repr(record.args) for record in caplog.records)
    assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.parametrize("answer", LEAKS)
def test_no_exception_or_repr_shows_code_number_or_token(
    make_backend: MakeBackend, twilio: FakeTwilio, answer: Answer
) -> None:
    backend = make_backend(**{**OPTIONS, "timeout": 0.2}, base_url=twilio.base_url)
    twilio.answers(answer)

    shown = "\n".join([*outcome_texts(backend), repr(backend), repr(make_message())])

    assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.parametrize("answer", [Answer(hangs_up=True), Answer(delay=0.5)])
def test_an_error_of_the_line_does_not_hold_on_to_the_request(
    make_backend: MakeBackend, twilio: FakeTwilio, answer: Answer
) -> None:
    # An error of requests has the request, and with it the body and the credentials.
    twilio.answers(answer)
    backend = make_backend(**{**OPTIONS, "timeout": 0.2}, base_url=twilio.base_url)

    error = failure_of(backend)

    assert list(chain_of(error)) == [error]


def test_no_exception_of_a_lost_line_shows_code_number_or_token(
    make_backend: MakeBackend,
) -> None:
    backend = make_backend(**OPTIONS, base_url="http://twilio.invalid")

    shown = "\n".join(outcome_texts(backend))

    assert "NotDelivered" in shown
    assert [secret for secret in SECRETS if secret in shown] == []
