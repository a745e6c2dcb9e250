"""What nobody gets to see."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import pytest

from django_sms_otp.backends.twilio.backend import SMSBackend
from django_sms_otp.exceptions import (
    DeliveryError,
)

from ...support.fake_twilio import Answer, FakeTwilio, accepted, problem, refusal
from ...support.lateness import wait_for
from .kit import (
    AUTH_TOKEN,
    CODE,
    OPTIONS,
    PHONE,
    SENDER,
    MakeBackend,
    failure_of,
    make_message,
)

TOO_LATE = Answer(delay=30)
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
    pytest.param(TOO_LATE, id="too-late"),
]
SECRETS = [CODE, PHONE, PHONE.removeprefix("+"), AUTH_TOKEN, "<Say"]
CHANNELS = pytest.mark.parametrize("channel", ["sms", "whatsapp", "voice"])
ALL_CHANNELS = {
    **OPTIONS,
    "whatsapp_from": SENDER,
    "content_sid": "HX" + "4" * 32,
    "voice_from": SENDER,
}


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that is attached to it, shown in a traceback or not."""
    pending, seen = [error], set[int]()
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [each.__cause__, each.__context__]


def timeout_for(answer: Answer) -> float:
    """An answer that comes has the time that a busy machine may take."""
    return 0.5 if answer is TOO_LATE else 30


def outcome_texts(backend: SMSBackend, channel: str = "sms") -> list[str]:
    try:
        result = backend.send(make_message(channel=channel))
    except DeliveryError as error:
        texts = ["".join(traceback.format_exception(error))]
        for each in chain_of(error):
            texts += [str(each), repr(each), repr(vars(each))]
        return texts
    return [repr(result)]


@CHANNELS
@pytest.mark.parametrize("answer", LEAKS)
def test_no_log_shows_code_number_or_token(
    make_backend: MakeBackend,
    twilio: FakeTwilio,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
    channel: str,
) -> None:
    options = {**ALL_CHANNELS, "timeout": timeout_for(answer)}
    backend = make_backend(**options, base_url=twilio.base_url)
    twilio.answers(answer)

    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "twilio"):
        outcome_texts(backend, channel)
        # The SDK does log, so the test looks at something. A call that has overrun goes on.
        wait_for(lambda: any(each.name == "twilio.http_client" for each in caplog.records))

    shown = caplog.text + "".join(repr(record.args) for record in caplog.records)
    assert [secret for secret in SECRETS if secret in shown] == []


@CHANNELS
@pytest.mark.parametrize("answer", LEAKS)
def test_no_exception_or_repr_shows_code_number_or_token(
    make_backend: MakeBackend, twilio: FakeTwilio, answer: Answer, channel: str
) -> None:
    options = {**ALL_CHANNELS, "timeout": timeout_for(answer)}
    backend = make_backend(**options, base_url=twilio.base_url)
    twilio.answers(answer)

    shown = "\n".join([*outcome_texts(backend, channel), repr(backend), repr(make_message())])

    assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.parametrize("answer", [Answer(hangs_up=True), TOO_LATE])
def test_an_error_of_the_line_does_not_hold_on_to_the_request(
    make_backend: MakeBackend, twilio: FakeTwilio, answer: Answer
) -> None:
    # An error of requests has the request, and with it the body and the credentials.
    twilio.answers(answer)
    options = {**OPTIONS, "timeout": timeout_for(answer)}
    backend = make_backend(**options, base_url=twilio.base_url)

    error = failure_of(backend)

    assert list(chain_of(error)) == [error]


def test_no_exception_of_a_lost_line_shows_code_number_or_token(
    make_backend: MakeBackend,
) -> None:
    backend = make_backend(**OPTIONS, base_url="http://twilio.invalid")

    shown = "\n".join(outcome_texts(backend))

    assert "NotDelivered" in shown
    assert [secret for secret in SECRETS if secret in shown] == []
