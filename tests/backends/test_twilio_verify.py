"""The backend of Twilio Verify: the real SDK, over HTTP, against a server on this machine."""

from __future__ import annotations

import json
import logging
import socket
import traceback
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from django_sms_otp.backends import faults
from django_sms_otp.backends.base import CodeCheck, SMSMessage
from django_sms_otp.backends.twilio.verify import SMSBackend, find_locale
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)

from ..conftest import PHONE, wrong
from ..support import fake_verify, gateways
from ..support.fake_twilio import Answer, problem, refusal
from ..support.fake_verify import SERVICE_SID, FakeVerify
from ..support.lateness import in_time

OTHER_SID = "VA" + "5" * 32
OTHER_PHONE = "+14155552672"
OUR_CODE = "482913"
LATE = Answer(status=200, body="{}", delay=30)

MakeBackend = Callable[..., SMSBackend]


def make_message(**fields: Any) -> SMSMessage:
    return gateways.make_message(**{"body": "", "code": None, **fields})


def make_check(typed: str, **fields: Any) -> CodeCheck:
    values: dict[str, Any] = {
        "to": PHONE,
        "typed": typed,
        "purpose": "login",
        "request_id": uuid.UUID(int=7),
        "message_id": "",
        **fields,
    }
    return CodeCheck(**values)


@pytest.fixture
def verify() -> Iterator[FakeVerify]:
    with fake_verify.fake_verify() as server:
        yield server


@pytest.fixture
def make_backend(verify: FakeVerify, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBackend]:
    """Make backends whose connections are closed after the test."""
    made: list[SMSBackend] = []
    monkeypatch.setattr("django_sms_otp.backends.twilio.client.RATE_RETRY_BASE", 0.001)

    def make(**options: Any) -> SMSBackend:
        given = fake_verify.backend(verify.base_url, **options)["OPTIONS"]
        made.append(SMSBackend(alias="default", **given))
        return made[-1]

    yield make
    for each in made:
        each._client.http_client.session.close()


@pytest.fixture
def backend(make_backend: MakeBackend) -> SMSBackend:
    return make_backend()


def failure_of(call: Callable[[], object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        call()
    return caught.value


# What is sent


def test_a_verification_is_started_with_just_a_number_and_a_channel(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    result = backend.send(make_message())

    [request] = verify.requests
    assert request.path == f"/v2/Services/{SERVICE_SID}/Verifications"
    assert request.form == {"To": PHONE, "Channel": "sms"}
    assert result.message_id == verify.open(PHONE).sid


@pytest.mark.parametrize(
    ("channel", "theirs"), [("sms", "sms"), ("whatsapp", "whatsapp"), ("voice", "call")]
)
def test_a_channel_goes_by_twilios_name(
    backend: SMSBackend, verify: FakeVerify, channel: str, theirs: str
) -> None:
    assert channel in backend.channels
    backend.send(make_message(channel=channel))

    assert verify.requests[0].form["Channel"] == theirs


def test_an_api_key_authenticates(make_backend: MakeBackend, verify: FakeVerify) -> None:
    key = {"auth_token": "", "api_key_sid": "SK" + "2" * 32, "api_key_secret": "s3cret"}
    make_backend(**key).send(make_message())

    assert verify.requests[0].credentials == ("SK" + "2" * 32, "s3cret")


@pytest.mark.parametrize(
    ("language", "locale"),
    [
        ("de", "de"),
        ("de-at", "de"),
        ("en-gb", "en-GB"),
        ("pt-br", "pt-BR"),
        ("zh-hans", "zh-CN"),
        ("zh-hant", "zh-HK"),
        ("tlh", ""),
        ("e", ""),
        ("", ""),
    ],
)
def test_a_language_goes_by_twilios_name_or_not_at_all(language: str, locale: str) -> None:
    assert find_locale(language) == locale


def test_the_language_of_the_person_is_asked_for(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    backend.send(make_message(language="de-at"))

    assert verify.requests[0].form["Locale"] == "de"


def test_a_language_that_the_template_lacks_is_left_to_twilio(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    backend.send(make_message(language="fi"))

    assert [each.form.get("Locale") for each in verify.requests] == ["fi", None]
    assert verify.open(PHONE).sends == 1


def blames(parameter: str) -> Answer:
    body = {"code": 60200, "message": f"Invalid parameter: {parameter}", "status": 400}
    return Answer(status=400, body=json.dumps(body))


@pytest.mark.parametrize("channel", ["sms", "voice"])
@pytest.mark.parametrize(
    "answer",
    [refusal(400, 60229), refusal(400, 60331), refusal(400, 60201), blames("Locale")],
)
def test_whatever_says_that_there_is_no_such_language_has_the_message_sent_without_one(
    backend: SMSBackend, verify: FakeVerify, answer: Answer, channel: str
) -> None:
    started = Answer(status=201, body=json.dumps({"sid": "VE" + "1" * 32, "status": "pending"}))
    verify.answers(answer, started)

    backend.send(make_message(language="fi", channel=channel))

    assert [each.form.get("Locale") for each in verify.requests] == ["fi", None]


@pytest.mark.parametrize(
    ("parameter", "kind"), [("To", DeliveryRefused), ("Channel", NotDelivered)]
)
def test_a_wrong_parameter_is_the_numbers_fault_only_if_it_is_the_number(
    backend: SMSBackend, verify: FakeVerify, parameter: str, kind: type[DeliveryError]
) -> None:
    verify.answers(blames(parameter))

    assert type(failure_of(lambda: backend.send(make_message()))) is kind


def test_the_second_request_for_a_message_has_what_the_first_one_left(
    make_backend: MakeBackend, verify: FakeVerify
) -> None:
    backend = make_backend(timeout=1)
    verify.answers(refusal(404, 20404, delay=0.1), Answer(delay=30))

    with in_time(1):
        error = failure_of(lambda: backend.send(make_message(language="fi")))

    assert type(error) is DeliveryUnknown
    assert len(verify.requests) == 2


def test_another_failure_is_not_taken_for_a_missing_language(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    verify.answers(Answer(status=500, body="{}"))

    assert isinstance(
        failure_of(lambda: backend.send(make_message(language="fi"))), DeliveryUnknown
    )
    assert len(verify.requests) == 1


# What Verify answers to a message


@pytest.mark.parametrize("answer", [refusal, problem])
@pytest.mark.parametrize(
    ("status", "code", "kind", "word", "wait", "alarms"),
    [
        (400, 60006, DeliveryRefused, "invalid_phone_number", None, False),
        (400, 60200, DeliveryRefused, "invalid_phone_number", None, False),
        (400, 21211, DeliveryRefused, "invalid_phone_number", None, False),
        (403, 60205, DeliveryRefused, "phone_number_not_sms_capable", None, False),
        (403, 60605, DeliveryRefused, "region_not_supported", None, True),
        (429, 60202, DeliveryRefused, "quota_exceeded", 600, False),
        (429, 60203, DeliveryRefused, "quota_exceeded", 600, False),
        (429, 60212, DeliveryRefused, "quota_exceeded", 60, False),
        (400, 60204, NotDelivered, "", 30, True),
        (400, 60223, NotDelivered, "", 30, True),
        (403, 60238, NotDelivered, "", 30, True),
        (401, 20003, NotDelivered, "", 30, True),
        (404, 20404, NotDelivered, "", 30, True),
        (400, 60999, NotDelivered, "", 30, False),
        (400, 60217, NotDelivered, "", 30, True),
        (403, 575001, NotDelivered, "", 30, True),
        (403, 60999, NotDelivered, "", 30, True),
        (403, 60410, DeliveryBlocked, "", None, True),
        (500, 60000, DeliveryUnknown, "", None, False),
    ],
)
def test_an_error_says_whether_a_message_was_sent_and_who_is_to_act(
    *,
    backend: SMSBackend,
    verify: FakeVerify,
    answer: Callable[[int, int], Answer],
    status: int,
    code: int,
    kind: type[DeliveryError],
    word: str,
    wait: int | None,
    alarms: bool,
) -> None:
    verify.answers(answer(status, code))

    error = failure_of(lambda: backend.send(make_message()))

    assert type(error) is kind
    assert error.error_code == str(code)
    assert getattr(error, "code", "") == word
    assert getattr(error, "retry_after", None) == (timedelta(seconds=wait) if wait else None)
    assert getattr(error, "needs_attention", None) is alarms
    assert len(verify.requests) == 1, "None of these goes away by asking again."
    assert PHONE[1:] not in str(error)


def test_twilios_own_429_is_tried_again(backend: SMSBackend, verify: FakeVerify) -> None:
    verify.answers(refusal(429, 20429))

    error = failure_of(lambda: backend.send(make_message()))

    assert isinstance(error, NotDelivered)
    assert len(verify.requests) == 3


def test_an_answer_without_a_verification_is_unknown(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    verify.answers(Answer(status=201, body="{}"))

    assert isinstance(failure_of(lambda: backend.send(make_message())), DeliveryUnknown)


# Guesses


def test_a_right_guess_is_right_once(backend: SMSBackend, verify: FakeVerify) -> None:
    sent = backend.send(make_message())
    check = make_check(verify.code(PHONE), message_id=sent.message_id)

    assert backend.check_code(check) is True
    assert backend.check_code(check) is False


def test_a_guess_is_checked_against_the_verification_that_our_message_began(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    sent = backend.send(make_message())
    verify.expire(PHONE)
    backend.send(make_message())

    typed = verify.code(PHONE)
    assert backend.check_code(make_check(typed, message_id=sent.message_id)) is False
    assert verify.open(PHONE).checks == 0
    assert verify.requests[-1].form == {"Code": typed, "VerificationSid": sent.message_id}


@pytest.mark.parametrize("message_id", ["", "SM" + "a" * 32])
def test_a_message_that_has_no_verification_is_found_by_its_number(
    backend: SMSBackend, verify: FakeVerify, message_id: str
) -> None:
    backend.send(make_message())

    assert backend.check_code(make_check(verify.code(PHONE), message_id=message_id))
    assert verify.requests[-1].form["To"] == PHONE


def test_an_approval_of_another_number_is_none(backend: SMSBackend, verify: FakeVerify) -> None:
    sent = backend.send(make_message(to=OTHER_PHONE))
    typed = verify.code(OTHER_PHONE)

    assert not backend.check_code(make_check(typed, message_id=sent.message_id))
    assert verify.verifications[0].status == "approved"


def test_a_number_may_be_written_in_another_way(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    verify.answers(Answer(status=200, body='{"status": "approved", "to": "+5215512345678"}'))

    assert backend.check_code(make_check("123456", to="+525512345678"))


def test_a_purpose_has_a_service_of_its_own(
    make_backend: MakeBackend, verify: FakeVerify
) -> None:
    backend = make_backend(service_sid={"login": SERVICE_SID, "verify_phone": OTHER_SID})
    backend.send(make_message(purpose="verify_phone"))
    [verification] = verify.verifications
    typed = verification.code

    assert verification.service_sid == OTHER_SID
    assert not backend.check_code(make_check(typed, purpose="login"))
    assert backend.check_code(make_check(typed, purpose="verify_phone"))


def test_a_purpose_without_a_service_is_neither_sent_nor_checked(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    for call in (
        lambda: backend.send(make_message(purpose="verify_phone")),
        lambda: backend.check_code(make_check("123456", purpose="verify_phone")),
    ):
        error = failure_of(call)
        assert isinstance(error, NotDelivered)
        assert error.needs_attention
        assert "verify_phone" in str(error)
    assert verify.requests == []


@pytest.mark.parametrize(
    "status", ["pending", "canceled", "deleted", "expired", "failed", "max_attempts_reached"]
)
def test_whatever_is_not_approved_is_wrong(
    backend: SMSBackend, verify: FakeVerify, status: str
) -> None:
    body = f'{{"status": "{status}", "to": "{PHONE}", "valid": true}}'
    verify.answers(Answer(status=200, body=body))

    assert backend.check_code(make_check("123456")) is False


@pytest.mark.parametrize("answer", [refusal, problem])
@pytest.mark.parametrize(
    ("status", "code", "kind", "word", "asked"),
    [
        (429, 60202, DeliveryRefused, "too_many_attempts", 1),
        (429, 60212, DeliveryRefused, "too_many_attempts", 1),
        (429, 20429, NotDelivered, "", 3),
        (401, 20003, NotDelivered, "", 1),
        (400, 60200, NotDelivered, "", 1),
        (500, 20500, DeliveryUnknown, "", 1),
        (503, 20503, DeliveryUnknown, "", 1),
    ],
)
def test_an_error_says_whether_a_guess_was_looked_at(
    *,
    backend: SMSBackend,
    verify: FakeVerify,
    answer: Callable[[int, int], Answer],
    status: int,
    code: int,
    kind: type[DeliveryError],
    word: str,
    asked: int,
) -> None:
    verify.answers(answer(status, code))

    error = failure_of(lambda: backend.check_code(make_check("123456")))

    assert isinstance(error, kind)
    assert getattr(error, "code", "") == word
    assert len(verify.requests) == asked


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=200, body="<html>Sorry</html>"),
        Answer(status=200, body="[]"),
        Answer(status=200, body="{}"),
        Answer(status=200, body='{"status": "splendid"}'),
        Answer(status=502, body="<html>Bad gateway</html>"),
        Answer(status=302, headers={"Location": "/elsewhere"}),
        Answer(hangs_up=True),
        LATE,
    ],
    ids=["html", "list", "empty", "odd status", "502", "redirect", "reset", "late"],
)
def test_an_answer_that_is_none_is_unknown(
    make_backend: MakeBackend, verify: FakeVerify, answer: Answer
) -> None:
    backend = make_backend(timeout=0.5 if answer is LATE else 30)
    verify.answers(answer)

    for call in (
        lambda: backend.check_code(make_check("123456")),
        lambda: backend.send(make_message()),
    ):
        verify.requests.clear()
        assert type(failure_of(call)) is DeliveryUnknown
        assert len(verify.requests) == 1, "Never asked twice."


def test_a_gateway_that_is_not_there_has_looked_at_nothing(make_backend: MakeBackend) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    backend = make_backend(base_url=f"http://127.0.0.1:{port}")

    assert type(failure_of(lambda: backend.check_code(make_check("123456")))) is NotDelivered


def test_neither_logs_nor_errors_show_a_guess_or_a_number(
    backend: SMSBackend, verify: FakeVerify, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    backend.send(make_message())
    typed = wrong(verify.code(PHONE))
    backend.check_code(make_check(typed))
    verify.answers(refusal(500, 20500, f"No {typed} for {PHONE}."))
    error = failure_of(lambda: backend.check_code(make_check(typed)))

    said = caplog.text + "".join(traceback.format_exception(error)) + repr(make_check(typed))
    assert "twilio.http_client" in caplog.text
    assert typed not in said
    assert PHONE[1:] not in said


# Codes of our own


def test_a_custom_code_is_sent_and_not_checked(
    make_backend: MakeBackend, verify: FakeVerify
) -> None:
    backend = make_backend(custom_codes=True)
    assert not backend.checks_codes
    assert backend.wants_feedback
    assert backend.code_length is None

    backend.send(make_message(code=OUR_CODE, body="Your code is 482913", purpose="other"))

    assert verify.requests[0].form == {"To": PHONE, "Channel": "sms", "CustomCode": OUR_CODE}


def test_what_was_redeemed_is_approved(make_backend: MakeBackend, verify: FakeVerify) -> None:
    backend = make_backend(custom_codes=True)
    sent = backend.send(make_message(code=OUR_CODE))

    backend.send_feedback(sent.message_id)

    assert verify.verifications[0].status == "approved"
    assert verify.requests[-1].path.endswith(f"/Verifications/{sent.message_id}")
    assert isinstance(failure_of(lambda: backend.send_feedback(sent.message_id)), NotDelivered)


def test_the_words_for_a_code_are_those_of_the_table(backend: SMSBackend) -> None:
    assert backend.fault_of("20003") is faults.CREDENTIALS
    assert backend.fault_of("403") is faults.FORBIDDEN
    assert backend.fault_of("60999") is None
    assert backend.link_of("575001") == "https://www.twilio.com/docs/api/errors/575001"
    assert backend.link_of("no-sid") == backend.link_of("403") == ""


# Options


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"service_sid": ""}, "'service_sid' must be"),
        ({"service_sid": "MG123"}, "'service_sid' must be"),
        ({"service_sid": {}}, "'service_sid' must be"),
        ({"service_sid": {"login": None}}, "'service_sid' must be"),
        ({"service_sid": "VA123"}, "VA and 32 hexadecimal digits"),
        ({"service_sid": [OTHER_SID]}, "'service_sid' must be"),
        (
            {"service_sid": {"login": OTHER_SID, "verify_phone": OTHER_SID}},
            "one service for two purposes",
        ),
        (
            {"service_sid": {"login": OTHER_SID}, "custom_codes": True},
            "takes one 'service_sid'",
        ),
        ({"code_length": 3}, "'code_length' must be a whole number from 4 to 10"),
        ({"code_length": 11}, "'code_length' must be a whole number from 4 to 10"),
        ({"account_sid": "SK1"}, "'account_sid' must be"),
        ({"region": "ie1", "edge": "dublin"}, "'base_url' excludes"),
        ({"messaging_service_sid": "MG1"}, "unknown option 'messaging_service_sid'"),
    ],
)
def test_wrong_options_are_refused_by_name(
    make_backend: MakeBackend, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidBackend, match="SMS_OTP_BACKENDS\\['default'\\]") as caught:
        make_backend(**options)
    assert text in str(caught.value)


def test_a_service_that_fits_passes_its_check(backend: SMSBackend, verify: FakeVerify) -> None:
    assert backend.check() == []
    assert verify.requests[0].path == f"/v2/Services/{SERVICE_SID}"


def test_a_service_with_codes_of_another_length_is_found(
    backend: SMSBackend, verify: FakeVerify
) -> None:
    verify.code_length = 4

    [found] = backend.check()

    assert found.id == "sms_otp.W013"
    assert "have 4 digits, but option 'code_length' is 6" in found.msg


def test_a_service_that_is_not_there_is_found(backend: SMSBackend, verify: FakeVerify) -> None:
    verify.answers(refusal(404, 20404))

    [found] = backend.check()

    assert f"{SERVICE_SID} cannot be read" in found.msg


def test_the_length_of_custom_codes_is_the_sites(
    make_backend: MakeBackend, verify: FakeVerify
) -> None:
    verify.code_length = 4

    assert make_backend(custom_codes=True).check() == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"custom_codes": "False"}, "'custom_codes' must be True or False"),
        ({"base_url": "gateway"}, "'base_url' must be a scheme and a host"),
        ({"base_url": 5}, "'base_url' must be a scheme and a host"),
    ],
)
def test_options_that_would_be_misread_are_refused(
    make_backend: MakeBackend, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidBackend, match=problem):
        make_backend(**options)
