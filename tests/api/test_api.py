"""``get-code`` and ``auth-code``: every answer's status, body and headers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

import django_sms_otp
from django_sms_otp import services, testing
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.exceptions import (
    Contention,
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, Post, body_of, last_code, wrong
from tests.support.factories import UserFactory, VerifiedPhoneFactory

GET_CODE = "/auth/sms/get-code/"
AUTH_CODE = "/auth/sms/auth-code/"
OTHER_PHONE = "+14155552672"
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"

no_cooldown = override_sms_otp(COOLDOWN=[])
by_request_id = override_sms_otp(REQUIRE_REQUEST_ID=True, COOLDOWN=[])


class FailingBackend(BaseSMSBackend):
    """Raises what a test puts into ``error``."""

    error: DeliveryError = NotDelivered()

    def send(self, message: SMSMessage) -> SendResult:
        raise self.error


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def failing_with(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": "tests.api.test_api.FailingBackend"}}
    return lambda error: monkeypatch.setattr(FailingBackend, "error", error)


def assert_refused(response: Any, status: int, code: str, *fields: str) -> None:
    body = body_of(response)
    assert (response.status_code, body["code"]) == (status, code)
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert set(body.get("errors", {})) == set(fields)
    # The text is for a person, who knows no names of fields.
    assert not re.search(r"^\w+: |\w_\w", body["detail"])
    assert str(body.get("retry_after", "")) == response.headers.get("Retry-After", "")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/json"


# get-code ------------------------------------------------------------------------------------


def test_the_urls_have_their_names() -> None:
    assert reverse("sms_otp:get-code") == GET_CODE
    assert reverse("sms_otp:auth-code") == AUTH_CODE


def test_get_code_answers_with_four_fields(
    get_code: Post, clock: time_machine.Traveller
) -> None:
    answer = get_code(phone_number=PHONE)
    assert answer.status_code == 202
    assert body_of(answer) == {
        "request_id": str(OTPCode.objects.get().pk),
        "expires_at": "2030-01-01T12:10:00+00:00",
        "resend_available_at": "2030-01-01T12:00:30+00:00",
        "code_length": 6,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_get_code_sends_the_code(get_code: Post) -> None:
    get_code(phone_number="+1 (415) 555-2671")
    [message] = testing.outbox
    assert message.to == PHONE
    assert message.body == f"Your code is {message.code}"
    assert message.purpose == "login"


def test_no_answer_holds_the_code(get_code: Post) -> None:
    answer = get_code(phone_number=PHONE)
    assert last_code() not in answer.content.decode().replace(
        body_of(answer)["request_id"], ""
    ).replace(body_of(answer)["expires_at"], "").replace(
        body_of(answer)["resend_available_at"], ""
    )


@override_sms_otp(CODE_LENGTH=8)
def test_the_length_of_a_code_is_answered(get_code: Post) -> None:
    assert body_of(get_code(phone_number=PHONE))["code_length"] == 8
    assert len(last_code()) == 8


def test_unknown_fields_are_ignored(get_code: Post, auth_code: Post) -> None:
    answer = get_code(phone_number=PHONE, purpose="verify_phone", message="Buy!", to="+1")
    assert answer.status_code == 202
    assert OTPCode.objects.get().purpose == "login"
    assert "Buy" not in testing.outbox[-1].body
    answer = auth_code(phone_number=PHONE, code=last_code(), purpose="verify_phone")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("phone_number", "code"),
    [
        ("hello", "invalid_phone_number"),
        ("4155552671", "invalid_phone_number"),
        ("+1 900 234 5678", "phone_number_not_sms_capable"),
        ("+881 612345678", "region_not_supported"),
    ],
)
@pytest.mark.parametrize("path", [GET_CODE, AUTH_CODE])
@pytest.mark.django_db
def test_a_number_that_gets_no_code_is_refused_by_name(
    client: Client, path: str, phone_number: str, code: str
) -> None:
    body = {"phone_number": phone_number, "code": "123456"}
    answer = client.post(path, body, content_type="application/json")
    assert_refused(answer, 400, code, "phone_number")
    assert body_of(answer)["errors"] == {"phone_number": [body_of(answer)["detail"]]}


@override_sms_otp(DEFAULT_REGION="US", ALLOWED_REGIONS=["US"])
def test_regions_of_the_settings_hold(get_code: Post) -> None:
    assert get_code(phone_number="(415) 555-2671").status_code == 202
    answer = get_code(phone_number="+44 7400 123456")
    assert_refused(answer, 400, "region_not_supported", "phone_number")


WRONG_TYPES = [[], {}, ["+14155552671"], {"a": 1}, 14155552671, 1.5, True, False]


@pytest.mark.parametrize("value", [*WRONG_TYPES, None, "", "  "], ids=repr)
def test_get_code_names_a_phone_number_that_is_no_text(get_code: Post, value: object) -> None:
    assert_refused(get_code(phone_number=value), 400, "invalid", "phone_number")


@pytest.mark.parametrize("value", WRONG_TYPES, ids=repr)
def test_auth_code_names_a_phone_number_that_is_no_text(auth_code: Post, value: object) -> None:
    answer = auth_code(phone_number=value, code="123456")
    assert_refused(answer, 400, "invalid", "phone_number")


@pytest.mark.parametrize("value", [*WRONG_TYPES, 123456, None, "", "  "], ids=repr)
def test_auth_code_names_a_code_that_is_no_text(auth_code: Post, value: object) -> None:
    assert_refused(auth_code(phone_number=PHONE, code=value), 400, "invalid", "code")


@pytest.mark.parametrize(
    "value", [[], {}, ["x"], {"a": 1}, 1, -1, 1.5, True, False, "x", "1234", "\ud800"], ids=repr
)
def test_a_malformed_request_id_is_named(
    get_code: Post, auth_code: Post, value: object
) -> None:
    answer = get_code(phone_number=PHONE, request_id=value)
    assert_refused(answer, 400, "invalid", "request_id")
    answer = auth_code(phone_number=PHONE, code="123456", request_id=value)
    assert_refused(answer, 400, "invalid", "request_id")


@pytest.mark.parametrize("value", [None, ""], ids=repr)
def test_an_empty_request_id_counts_as_absent(
    get_code: Post, auth_code: Post, value: object
) -> None:
    assert get_code(phone_number=PHONE, request_id=value).status_code == 202
    answer = auth_code(phone_number=PHONE, request_id=value, code=last_code())
    assert answer.status_code == 200


@pytest.mark.parametrize("value", [None, ""], ids=repr)
def test_an_empty_phone_number_beside_a_request_id_counts_as_absent(
    get_code: Post, auth_code: Post, value: object
) -> None:
    request_id = body_of(get_code(phone_number=PHONE))["request_id"]
    answer = auth_code(phone_number=value, request_id=request_id, code=last_code())
    assert answer.status_code == 200


@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null", "true", "[{}]"])
@pytest.mark.parametrize("path", [GET_CODE, AUTH_CODE])
@pytest.mark.django_db
def test_a_body_that_is_no_object_is_malformed(client: Client, path: str, body: str) -> None:
    answer = client.post(path, body, content_type="application/json")
    assert (answer.status_code, body_of(answer)["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe",
        '{"phone_number": "+14155552671"}'.encode("utf-16"),
        b'{"phone_number": NaN}',
        b'{"phone_number": ' + b"1" * 5000 + b"}",
        b"[" * 8000,
        b'{"a":' * 2000,
    ],
    ids=[
        "empty",
        "cut",
        "words",
        "bytes",
        "utf16",
        "nan",
        "long_int",
        "deep_list",
        "deep_dict",
    ],
)
@pytest.mark.django_db
def test_a_body_that_is_no_json_is_malformed(client: Client, body: bytes) -> None:
    answer = client.generic("POST", GET_CODE, body, content_type="application/json")
    assert (answer.status_code, body_of(answer)["code"]) == (400, "invalid")
    assert answer.headers["Cache-Control"] == "no-store"


def test_missing_fields_are_named(get_code: Post, auth_code: Post) -> None:
    assert_refused(get_code(other=1), 400, "invalid", "phone_number")
    assert_refused(auth_code(other=1), 400, "invalid", "code")
    assert_refused(auth_code(code="123456"), 400, "invalid", "phone_number")
    assert_refused(auth_code(phone_number=PHONE), 400, "invalid", "code")


@pytest.mark.parametrize("written", ["%2B14155552671", "+14155552671", "+1%20415%20555-2671"])
@pytest.mark.django_db
def test_a_form_may_forget_to_escape_the_plus(client: Client, written: str) -> None:
    answer = client.post(GET_CODE, f"phone_number={written}", content_type=FORM)
    assert answer.status_code == 202
    body = f"phone_number={written}&code={last_code()}"
    assert client.post(AUTH_CODE, body, content_type=FORM).status_code == 200


def test_json_does_not_make_a_plus_of_a_space(get_code: Post) -> None:
    answer = get_code(phone_number=" 14155552671")
    assert_refused(answer, 400, "invalid_phone_number", "phone_number")


@pytest.mark.django_db
def test_a_multipart_form_will_do(client: Client) -> None:
    assert client.post(GET_CODE, {"phone_number": PHONE}).status_code == 202
    body = {"phone_number": PHONE, "code": last_code(), "request_id": ""}
    assert client.post(AUTH_CODE, body).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["application/json", FORM, "multipart/form-data; boundary=x", "text/plain"]
)
@pytest.mark.parametrize("size", [16 * 1024 + 1, 1024 * 1024, 4 * 1024 * 1024])
@pytest.mark.django_db
def test_a_large_body_is_refused(client: Client, content_type: str, size: int) -> None:
    answer = client.generic("POST", GET_CODE, b"x" * size, content_type=content_type)
    assert_refused(answer, 413, "request_too_large")


@pytest.mark.django_db
def test_a_length_that_is_no_number_is_no_error_of_the_site(client: Client) -> None:
    body = {"phone_number": PHONE}
    answer: Any = client.post(
        GET_CODE, body, content_type="application/json", CONTENT_LENGTH="x"
    )
    assert answer.status_code == 400


@pytest.mark.django_db
def test_a_body_of_another_type_is_refused(client: Client) -> None:
    answer = client.generic("POST", GET_CODE, b"<a/>", content_type="application/xml")
    assert_refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [GET_CODE, AUTH_CODE])
@pytest.mark.django_db
def test_only_post_is_allowed(client: Client, path: str, method: str) -> None:
    answer = client.generic(method, path)
    assert_refused(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("accept", ["application/xml", "image/*", "x", "*/*; q=x"])
def test_any_accept_header_gets_json(client: Client, db: None, accept: str) -> None:
    answer = client.post(GET_CODE, {"phone_number": "x"}, headers={"Accept": accept})
    assert_refused(answer, 400, "invalid_phone_number", "phone_number")


def test_a_format_in_the_query_is_ignored(client: Client, db: None) -> None:
    answer = client.post(f"{GET_CODE}?format=xml", {"phone_number": PHONE})
    assert answer.status_code == 202


@pytest.mark.parametrize("accept", [{}, {"Accept": "*/*"}])
def test_the_pages_of_rest_framework_have_a_name_in_the_query(
    client: Client, db: None, accept: dict[str, str]
) -> None:
    answer = client.post(f"{GET_CODE}?format=api", {"phone_number": PHONE}, headers=accept)
    assert answer["Content-Type"].startswith("text/html")


# Cooldown ------------------------------------------------------------------------------------


@override_sms_otp(LIMITS={"phone": None, "phone_ip": None})
def test_the_wait_between_messages_grows(get_code: Post, clock: time_machine.Traveller) -> None:
    for wait in (30, 60, 120, 300, 900, 900):
        assert get_code(phone_number=PHONE).status_code == 202
        answer = get_code(phone_number=PHONE)
        assert_refused(answer, 429, "cooldown")
        assert answer.headers["Retry-After"] == str(wait)
        clock.shift(wait - 1)
        answer = get_code(phone_number=PHONE)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        clock.shift(1)
    assert len(testing.outbox) == 6


def test_resend_available_at_is_when_the_wait_ends(
    get_code: Post, clock: time_machine.Traveller
) -> None:
    get_code(phone_number=PHONE)
    clock.shift(30)
    body = body_of(get_code(phone_number=PHONE))
    assert body["resend_available_at"] == "2030-01-01T12:01:30+00:00"


def test_a_login_starts_the_waits_anew(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    get_code(phone_number=PHONE)
    clock.shift(30)
    get_code(phone_number=PHONE)
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    assert get_code(phone_number=PHONE).status_code == 202
    assert get_code(phone_number=PHONE).headers["Retry-After"] == "30"


def test_a_wrong_code_does_not_start_the_waits_anew(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    auth_code(phone_number=PHONE, code=wrong(last_code()))
    assert get_code(phone_number=PHONE).status_code == 429


def test_numbers_wait_each_for_themselves(get_code: Post) -> None:
    assert get_code(phone_number=PHONE).status_code == 202
    assert get_code(phone_number=OTHER_PHONE).status_code == 202


@pytest.mark.parametrize("writing", ["+1 415 555 2671", "+1 (415) 555-2671", "+1-415-555-2671"])
def test_another_writing_is_the_same_number(get_code: Post, writing: str) -> None:
    get_code(phone_number=PHONE)
    assert get_code(phone_number=writing).status_code == 429


@no_cooldown
def test_a_site_may_have_no_cooldown(get_code: Post) -> None:
    assert [get_code(phone_number=PHONE).status_code for _ in range(3)] == [202] * 3


# Sending again -------------------------------------------------------------------------------


@no_cooldown
def test_the_same_code_is_sent_again(get_code: Post) -> None:
    first = body_of(get_code(phone_number=PHONE))
    again = body_of(get_code(phone_number=PHONE))
    assert again["request_id"] == first["request_id"]
    assert again["expires_at"] == first["expires_at"]
    assert testing.outbox[0].code == testing.outbox[1].code
    assert OTPCode.objects.get().send_count == 2


@no_cooldown
def test_a_request_id_sends_the_same_code_again(get_code: Post) -> None:
    first = body_of(get_code(phone_number=PHONE))
    again = get_code(phone_number=PHONE, request_id=first["request_id"])
    assert body_of(again)["request_id"] == first["request_id"]


@no_cooldown
@pytest.mark.parametrize("whose", ["unknown", "foreign"])
def test_a_request_id_of_nobody_or_others_counts_as_absent(get_code: Post, whose: str) -> None:
    mine = body_of(get_code(phone_number=PHONE))["request_id"]
    foreign = body_of(get_code(phone_number=OTHER_PHONE))["request_id"]
    given = foreign if whose == "foreign" else str(uuid.uuid4())
    answer = get_code(phone_number=PHONE, request_id=given)
    assert answer.status_code == 202
    assert body_of(answer)["request_id"] == mine
    assert testing.outbox[-1].to == PHONE


@no_cooldown
def test_a_code_sent_again_keeps_its_failures(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    for _ in range(2):
        auth_code(phone_number=PHONE, code=wrong(last_code()))
    get_code(phone_number=PHONE)
    assert OTPCode.objects.get().failed_attempts == 2
    for _ in range(3):
        auth_code(phone_number=PHONE, code=wrong(last_code()))
    answer = auth_code(phone_number=PHONE, code=last_code())
    assert_refused(answer, 429, "too_many_attempts")


@no_cooldown
@pytest.mark.parametrize(("minutes", "is_new"), [(6.6, False), (6.7, True), (11, True)])
def test_a_code_near_its_end_is_replaced(
    get_code: Post, clock: time_machine.Traveller, minutes: float, is_new: bool
) -> None:
    first = body_of(get_code(phone_number=PHONE))
    clock.shift(timedelta(minutes=minutes))
    second = body_of(get_code(phone_number=PHONE))
    assert (second["request_id"] != first["request_id"]) == is_new
    assert (second["expires_at"] != first["expires_at"]) == is_new
    assert len({message.request_id for message in testing.outbox}) == 1 + is_new


@no_cooldown
def test_a_superseded_code_is_refused(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    first = body_of(get_code(phone_number=PHONE))["request_id"]
    old = last_code()
    clock.shift(timedelta(minutes=8))
    get_code(phone_number=PHONE)
    new = last_code()
    answer = auth_code(phone_number=PHONE, request_id=first, code=old)
    assert_refused(answer, 401, "invalid_code")
    assert old != new
    assert_refused(auth_code(phone_number=PHONE, code=old), 401, "invalid_code")
    assert auth_code(phone_number=PHONE, code=new).status_code == 200


@no_cooldown
def test_a_spent_code_is_replaced(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    first = body_of(get_code(phone_number=PHONE))["request_id"]
    for _ in range(5):
        auth_code(phone_number=PHONE, code=wrong(last_code()))
    assert body_of(get_code(phone_number=PHONE))["request_id"] != first
    clock.shift(31)
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


def test_a_redeemed_code_is_replaced(get_code: Post, auth_code: Post) -> None:
    first = body_of(get_code(phone_number=PHONE))["request_id"]
    old = last_code()
    auth_code(phone_number=PHONE, code=old)
    again = body_of(get_code(phone_number=PHONE, request_id=first))
    assert again["request_id"] != first
    assert_refused(auth_code(request_id=first, code=old), 401, "invalid_code")


# auth-code -----------------------------------------------------------------------------------


def test_auth_code_answers_with_two_tokens(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    answer = auth_code(phone_number=PHONE, code=last_code())
    assert answer.status_code == 200
    assert body_of(answer).keys() == {"access", "refresh"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "fields", [{"phone_number"}, {"request_id"}, {"phone_number", "request_id"}]
)
def test_a_code_is_found_by_number_or_request_id(
    get_code: Post, auth_code: Post, fields: set[str]
) -> None:
    request_id = body_of(get_code(phone_number=PHONE))["request_id"]
    known = {"phone_number": PHONE, "request_id": request_id}
    answer = auth_code(code=last_code(), **{name: known[name] for name in fields})
    assert answer.status_code == 200


def test_where_both_are_given_both_must_match(get_code: Post, auth_code: Post) -> None:
    request_id = body_of(get_code(phone_number=PHONE))["request_id"]
    code = last_code()
    other_id = body_of(get_code(phone_number=OTHER_PHONE))["request_id"]
    for wrong_pair in (
        {"phone_number": OTHER_PHONE, "request_id": request_id},
        {"phone_number": PHONE, "request_id": other_id},
        {"phone_number": PHONE, "request_id": str(uuid.uuid4())},
    ):
        assert_refused(auth_code(code=code, **wrong_pair), 401, "invalid_code")
    answer = auth_code(code=code, phone_number=PHONE, request_id=request_id)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "spacing", ["{0} {1}", "{0}-{1}", " {0}{1}\n", "{0}\N{NO-BREAK SPACE}{1}"]
)
def test_a_code_may_be_pasted_with_spacing(
    get_code: Post, auth_code: Post, spacing: str
) -> None:
    get_code(phone_number=PHONE)
    typed = spacing.format(last_code()[:3], last_code()[3:])
    assert auth_code(phone_number=PHONE, code=typed).status_code == 200


def test_every_useless_code_gets_one_and_the_same_answer(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    never_issued = auth_code(phone_number=PHONE, code="123456")
    unknown_id = auth_code(request_id=str(uuid.uuid4()), code="123456")
    get_code(phone_number=PHONE)
    wrong_code = auth_code(phone_number=PHONE, code=wrong(last_code()))
    auth_code(phone_number=PHONE, code=last_code())
    used = auth_code(phone_number=PHONE, code=last_code())
    get_code(phone_number=PHONE)
    clock.shift(timedelta(minutes=11))
    expired = auth_code(phone_number=PHONE, code=last_code())
    for answer in (never_issued, unknown_id, wrong_code, used, expired):
        assert_refused(answer, 401, "invalid_code")
        assert answer.content == wrong_code.content
        assert answer.headers.items() == wrong_code.headers.items()
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
        assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 401), (601, 401)])
def test_a_code_lives_for_its_lifetime(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller, seconds: int, status: int
) -> None:
    get_code(phone_number=PHONE)
    clock.shift(seconds)
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == status


def test_a_code_is_good_once(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 401


def test_five_wrong_codes_spend_a_code(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    get_code(phone_number=PHONE)
    for attempt in range(1, 6):
        answer = auth_code(phone_number=PHONE, code=wrong(last_code()))
        assert_refused(answer, 401, "invalid_code")
        assert OTPCode.objects.get().failed_attempts == attempt
    for typed in (last_code(), wrong(last_code())):
        answer = auth_code(phone_number=PHONE, code=typed)
        assert_refused(answer, 429, "too_many_attempts")
        assert int(answer.headers["Retry-After"]) == 30
    assert OTPCode.objects.get().failed_attempts == 5
    assert OTPCode.objects.get().redeemed_at is None


def test_the_fifth_guess_may_be_the_right_one(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    for _ in range(4):
        auth_code(phone_number=PHONE, code=wrong(last_code()))
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


def test_a_malformed_request_costs_no_attempt(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    for code in (123456, "", None):
        auth_code(phone_number=PHONE, code=code)
    assert OTPCode.objects.get().failed_attempts == 0


@pytest.mark.django_db
@no_cooldown
def test_a_code_of_another_purpose_is_refused(auth_code: Post, get_code: Post) -> None:
    number = parse_phone_number(PHONE)
    services.request_code(number, purpose="verify_phone")
    code, request_id = last_code(), testing.outbox[-1].request_id
    assert_refused(auth_code(phone_number=PHONE, code=code), 401, "invalid_code")
    answer = auth_code(request_id=str(request_id), code=code)
    assert_refused(answer, 401, "invalid_code")
    get_code(phone_number=PHONE)
    assert last_code() != code
    assert OTPCode.objects.filter(superseded_at=None).count() == 2


def test_a_code_of_another_number_is_refused(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    code = last_code()
    get_code(phone_number=OTHER_PHONE)
    assert last_code() != code
    assert_refused(auth_code(phone_number=OTHER_PHONE, code=code), 401, "invalid_code")


def test_a_refused_account_is_told_so(get_code: Post, auth_code: Post) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(is_active=False))
    get_code(phone_number=PHONE)
    answer = auth_code(phone_number=PHONE, code=last_code())
    assert_refused(answer, 401, "no_active_account")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@override_sms_otp(STALE_AFTER=timedelta(days=180), COOLDOWN=[])
def test_a_stale_number_is_told_so_after_the_right_code_alone(
    get_code: Post, auth_code: Post
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=181)
    stale, fresh = PHONE, OTHER_PHONE
    VerifiedPhoneFactory.create(phone_number=stale, verified_at=long_ago)
    VerifiedPhoneFactory.create(phone_number=fresh)
    shapes = [set(body_of(get_code(phone_number=number))) for number in (stale, fresh)]
    assert shapes[0] == shapes[1]
    answers = [auth_code(phone_number=number, code="nonsense") for number in (stale, fresh)]
    assert body_of(answers[0]) == body_of(answers[1])
    get_code(phone_number=stale)
    code = last_code()
    answer = auth_code(phone_number=stale, code=code)
    assert_refused(answer, 403, "reverification_needed")
    assert "Retry-After" not in answer.headers
    # The code is used up, and says nothing more.
    assert_refused(auth_code(phone_number=stale, code=code), 401, "invalid_code")


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_an_unknown_number_is_told_so_where_the_site_says(get_code: Post) -> None:
    assert_refused(get_code(phone_number=PHONE), 404, "unknown_phone_number")


# Keys ----------------------------------------------------------------------------------------


@no_cooldown
def test_a_code_outlives_the_rotation_of_its_key(get_code: Post, auth_code: Post) -> None:
    with override_sms_otp(SECRET_KEYS=["old"]):
        first = body_of(get_code(phone_number=PHONE))
    with override_sms_otp(SECRET_KEYS=["new", "old"]):
        again = body_of(get_code(phone_number=PHONE))
        assert again["request_id"] == first["request_id"]
        assert testing.outbox[0].code == testing.outbox[1].code
        assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


@no_cooldown
def test_a_code_dies_with_its_key(get_code: Post, auth_code: Post) -> None:
    with override_sms_otp(SECRET_KEYS=["old"]):
        first = body_of(get_code(phone_number=PHONE))
    with override_sms_otp(SECRET_KEYS=["new"]):
        answer = auth_code(phone_number=PHONE, code=last_code())
        assert_refused(answer, 401, "invalid_code")
        again = body_of(get_code(phone_number=PHONE))
        assert again["request_id"] != first["request_id"]
        assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


def test_djangos_own_fallback_keys_count(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    get_code(phone_number=PHONE)
    settings.SECRET_KEY_FALLBACKS = [django_settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 50
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


# REQUIRE_REQUEST_ID --------------------------------------------------------------------------


@by_request_id
def test_each_request_has_a_code_of_its_own(get_code: Post, auth_code: Post) -> None:
    ids = [body_of(get_code(phone_number=PHONE))["request_id"] for _ in range(2)]
    one, two = (message.code for message in testing.outbox)
    assert ids[0] != ids[1]
    assert one != two
    assert_refused(auth_code(request_id=ids[0], code=two), 401, "invalid_code")
    assert_refused(auth_code(request_id=ids[1], code=one), 401, "invalid_code")
    assert auth_code(request_id=ids[0], code=one).status_code == 200
    assert auth_code(request_id=ids[1], code=two, phone_number=PHONE).status_code == 200


@by_request_id
def test_a_required_request_id_is_asked_for(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    for absent in ({}, {"request_id": None}):
        answer = auth_code(phone_number=PHONE, code=last_code(), **absent)
        assert_refused(answer, 400, "invalid", "request_id")
    assert OTPCode.objects.get().failed_attempts == 0


@by_request_id
def test_only_who_has_the_request_id_gets_the_same_code_again(get_code: Post) -> None:
    first = body_of(get_code(phone_number=PHONE))["request_id"]
    again = body_of(get_code(phone_number=PHONE, request_id=first))["request_id"]
    stranger = body_of(get_code(phone_number=PHONE))["request_id"]
    foreign = body_of(get_code(phone_number=OTHER_PHONE, request_id=first))["request_id"]
    assert again == first
    assert len({first, stranger, foreign}) == 3
    codes = [message.code for message in testing.outbox]
    assert codes[0] == codes[1]
    assert len(set(codes)) == 3


@override_sms_otp(REQUIRE_REQUEST_ID=True)
def test_a_required_request_id_does_not_lift_the_cooldown(get_code: Post) -> None:
    first = body_of(get_code(phone_number=PHONE))["request_id"]
    assert get_code(phone_number=PHONE).status_code == 429
    assert get_code(phone_number=PHONE, request_id=first).status_code == 429


# Delivery ------------------------------------------------------------------------------------


def test_a_message_not_sent_gives_the_cooldown_back(get_code: Post, failing_with: Any) -> None:
    failing_with(NotDelivered("down", retry_after=timedelta(seconds=7.2)))
    for _ in range(2):
        answer = get_code(phone_number=PHONE)
        assert_refused(answer, 503, "delivery_failed")
        assert answer.headers["Retry-After"] == "8"
        assert body_of(answer).keys() == {"detail", "code", "retry_after"}


def test_a_message_of_unknown_fate_leaves_the_request_usable(
    get_code: Post, failing_with: Any, clock: time_machine.Traveller
) -> None:
    failing_with(DeliveryUnknown("timed out"))
    answer = get_code(phone_number=PHONE)
    assert_refused(answer, 503, "delivery_failed")
    assert answer.headers["Retry-After"] == "30"
    body = body_of(answer)
    assert body["request_id"] == str(OTPCode.objects.get().pk)
    assert body["expires_at"] == "2030-01-01T12:10:00+00:00"
    assert get_code(phone_number=PHONE).status_code == 429


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("recipient_opted_out", 409),
        ("invalid_phone_number", 400),
        ("phone_number_not_sms_capable", 400),
        ("region_not_supported", 400),
    ],
)
def test_a_number_that_the_gateway_refuses_is_told_so(
    get_code: Post, failing_with: Any, code: str, status: int
) -> None:
    failing_with(DeliveryRefused("no", code=code))
    assert_refused(get_code(phone_number=PHONE), status, code)
    assert get_code(phone_number=PHONE).status_code == 429


def test_who_is_blocked_for_fraud_is_not_told(get_code: Post, failing_with: Any) -> None:
    failing_with(DeliveryBlocked("fraud"))
    answer = get_code(phone_number=PHONE)
    assert answer.status_code == 202
    assert body_of(answer).keys() == {
        "request_id",
        "expires_at",
        "resend_available_at",
        "code_length",
    }


def test_a_number_in_too_great_demand_is_busy(
    get_code: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_number(*args: Any, **kwargs: Any) -> None:
        raise Contention

    monkeypatch.setattr("django_sms_otp.services.request.change_number", change_number)
    answer = get_code(phone_number=PHONE)
    assert_refused(answer, 503, "busy")
    assert answer.headers["Retry-After"] == "1"


# Language ------------------------------------------------------------------------------------

CATALOGS = sorted(Path(django_sms_otp.__file__).parent.glob("locale/*/LC_MESSAGES/*.mo"))


@pytest.mark.skipif(not CATALOGS, reason="there are no translations yet")
def test_a_detail_is_in_the_callers_language(client: Client, db: None) -> None:
    language = CATALOGS[0].parts[-3].replace("_", "-").lower()
    answers = [
        client.post(
            AUTH_CODE,
            {"phone_number": PHONE, "code": "123456"},
            headers={"Accept-Language": accepted},
        )
        for accepted in ("en", language)
    ]
    details = {body_of(answer)["detail"] for answer in answers}
    assert {body_of(answer)["code"] for answer in answers} == {"invalid_code"}
    assert len(details) == 2


@pytest.mark.parametrize(
    ("region", "text", "number"),
    [
        ("US", "(415) 555-2671", "+14155552671"),
        ("de", "01512 3456789", "+4915123456789"),
        ("GB", "+1 415 555 2671", "+14155552671"),
        (None, "07400 123456", "+447400123456"),
        ("", "07400 123456", "+447400123456"),
    ],
)
@override_sms_otp(DEFAULT_REGION="GB")
def test_a_client_names_the_country_of_a_national_number(
    get_code: Post, region: str | None, text: str, number: str
) -> None:
    assert get_code(phone_number=text, region=region).status_code == 202
    assert testing.outbox[-1].to == number


@pytest.mark.parametrize("region", ["XX", "USA", "1", 1, ["US"]])
def test_a_country_that_is_none_is_said_to_be(get_code: Post, region: object) -> None:
    answer = get_code(phone_number="+14155552671", region=region)
    assert answer.status_code == 400
    assert list(body_of(answer)["errors"]) == ["region"]
    assert not testing.outbox
