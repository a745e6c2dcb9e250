"""What Twilio answers, and what that means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from django_sms_otp.backends.twilio.backend import SMSBackend
from django_sms_otp.backends.twilio.error_codes import (
    GROUPS,
    date_of_table,
    faults_by_code,
    read_table,
)
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)

from ...support.fake_twilio import MESSAGE_SID, Answer, FakeTwilio, accepted, problem, refusal
from .kit import (
    OPTIONS,
    failure_of,
    make_message,
)

REFUSED = [
    (21211, "invalid_phone_number", False),
    (21217, "invalid_phone_number", False),
    (21265, "invalid_phone_number", False),
    (21266, "invalid_phone_number", False),
    (13223, "invalid_phone_number", False),
    (13224, "invalid_phone_number", False),
    (21202, "phone_number_not_sms_capable", False),
    (21268, "phone_number_not_sms_capable", False),
    (21614, "phone_number_not_sms_capable", False),
    (21635, "phone_number_not_sms_capable", False),
    (30006, "phone_number_not_sms_capable", False),
    (63003, "phone_number_not_sms_capable", False),
    (63024, "phone_number_not_sms_capable", False),
    (13225, "region_not_supported", True),
    (13227, "region_not_supported", True),
    (21203, "region_not_supported", True),
    (21215, "region_not_supported", True),
    (21216, "region_not_supported", True),
    (21408, "region_not_supported", True),
    (32205, "region_not_supported", True),
    (60605, "region_not_supported", True),
    (21610, "recipient_opted_out", False),
]
MENDED_BY_THE_SITE = [
    *((401, 20003), (404, 20404), (403, 20005), (403, 20006), (403, 20010), (403, 20403)),
    *((403, 10001), (403, 10002), (403, 10005)),
    *((400, 13214), (400, 21210), (400, 21213)),
    *((400, 21212), (400, 21601), (400, 21603), (400, 21657), (400, 21659), (400, 21661)),
    *((404, 63007), (404, 21701), (400, 21703), (400, 21705), (400, 63001)),
    *((400, 21219), (400, 21608), (400, 21267)),
    *((400, 572002), (400, 572005), (400, 573005), (400, 575001)),
    *((400, 21606), (400, 21609), (400, 21602), (400, 21617), (400, 21624)),
    *((400, 21654), (400, 21655), (400, 21656), (400, 63015), (400, 63016)),
    *((400, 30002), (400, 30029), (400, 30030), (400, 30034), (429, 63038)),
    # Unknown ones.
    *((401, 29999), (403, 29999), (404, 29999), (405, 29999)),
]
LATER = [10004, 14107, 21611, 21730, 30001, 30022, 63017, 63018]
PASSING = [
    # Not routable by Twilio from this sender: another backend may.
    *((400, 21612), (400, 21214)),
    *((400, code) for code in LATER),
]
NOT_DELIVERED = [
    *((status, code, True) for status, code in MENDED_BY_THE_SITE),
    *((status, code, False) for status, code in PASSING),
]
SHAPES = pytest.mark.parametrize("shape", [refusal, problem], ids=["older", "rfc9457"])


@SHAPES
@pytest.mark.parametrize(("code", "word", "needs_attention"), REFUSED)
def test_a_refused_number_is_told_by_our_word(  # noqa: PLR0917
    backend: SMSBackend,
    twilio: FakeTwilio,
    shape: Callable[[int, int], Answer],
    code: int,
    word: str,
    needs_attention: bool,
) -> None:
    twilio.answers(shape(400, code))

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


@pytest.mark.parametrize("code", LATER)
def test_what_passes_is_tried_again_later(
    backend: SMSBackend, twilio: FakeTwilio, code: int
) -> None:
    twilio.answers(refusal(400, code))

    error = failure_of(backend)

    assert isinstance(error, NotDelivered)
    assert not error.is_lasting
    assert error.retry_after == timedelta(seconds=30 if code == 21730 else 60)


# The table of codes


def test_every_code_has_one_class_and_every_class_has_codes() -> None:
    groups = read_table()["groups"]
    codes = [code for each in groups.values() for code in each]

    assert len(codes) == len(set(codes)) == len(faults_by_code())
    assert set(groups) == set(GROUPS)
    assert date_of_table() >= date(2026, 11, 30)


def test_refusals_are_those_that_are_tested_here() -> None:
    tested = {str(GROUPS[name].refusal) for name in GROUPS} - {""}
    assert tested - {"quota_exceeded"} == {word for _code, word, _alarm in REFUSED}


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_every_class_has_one_sentence_for_a_person(name: str) -> None:
    words = GROUPS[name].words
    assert words[0].isupper()
    assert words.endswith((".", "'PUBLIC_URL']."))


@pytest.mark.parametrize("code", [21211, 575001])
def test_the_words_for_a_code_come_with_a_link(backend: SMSBackend, code: int) -> None:
    assert backend.fault_of(str(code)) is faults_by_code()[code]
    assert backend.link_of(str(code)) == f"https://www.twilio.com/docs/api/errors/{code}"


@SHAPES
@pytest.mark.parametrize("code", [30450, 30453, 30485])
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


@pytest.mark.parametrize("status", [400, 409, 422])
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
    monkeypatch.setattr("django_sms_otp.backends.twilio.client.time.sleep", waits.append)
    backend = SMSBackend(alias="default", **OPTIONS, base_url=twilio.base_url)
    twilio.answers(refusal(429, 20429))

    failure_of(backend)

    first, second = waits
    assert 0.05 <= first <= 0.15
    assert 0.1 <= second <= 0.3
