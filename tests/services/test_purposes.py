"""Purposes and contexts: what a code authorises, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone, translation

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.controls import memory
from django_sms_otp.delivery.composing import message_of
from django_sms_otp.exceptions import LoginRefused, NotDelivered
from django_sms_otp.models import CodeState, Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed, RedemptionRefused
from django_sms_otp.services import arguments as services_arguments
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE, last_code, wrong
from ..support.factories import UserFactory

pytestmark = pytest.mark.django_db

NUMBER = parse_phone_number(PHONE)
CONTEXT = {"amount": "50.00 EUR", "payee": "ACME"}
WITHDRAWAL: Mapping[str, Any] = {
    "MESSAGE": "{code} pays {amount} to {payee}",
    "CODE_LIFETIME": timedelta(minutes=5),
    "CODE_LENGTH": 8,
    "MAX_ATTEMPTS": 2,
}
declared = override_sms_otp(PURPOSES={"withdrawal": WITHDRAWAL}, COOLDOWN=[])


class TemplateBackend(BaseSMSBackend):
    """Sends a template of its gateway."""

    def send(self, message: SMSMessage) -> SendResult:
        raise AssertionError("No message may come here.")

    def shows_text(self, channel: str) -> bool:
        return False


def request(context: Mapping[str, str] | None = CONTEXT, **arguments: Any) -> CodeRequested:
    arguments = {"purpose": "withdrawal", "context": context} | arguments
    answer = services.request_code(NUMBER, **arguments)
    assert isinstance(answer, CodeRequested)
    return answer


def redeem(code: str, context: Mapping[str, str] | None = CONTEXT, **arguments: Any) -> Any:
    given: dict[str, Any] = {"phone_number": NUMBER, "purpose": "withdrawal", **arguments}
    return services.redeem_code(code, context=context, **given)


# What a purpose has of its own


@declared
def test_a_purpose_has_its_own_text_length_and_lifetime() -> None:
    issued = request()
    assert outbox[-1].body == f"{last_code()} pays 50.00 EUR to ACME"
    assert (len(last_code()), issued.code_length) == (8, 8)
    left = issued.expires_at - timezone.now()
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)


@declared
def test_a_purpose_has_its_own_number_of_attempts() -> None:
    request()
    for _ in range(2):
        assert redeem(wrong(last_code())).reason == "invalid_code"
    assert redeem(last_code()).reason == "too_many_attempts"


@declared
def test_the_state_that_staff_see_goes_by_the_attempts_of_the_purpose() -> None:
    request()
    request(None, purpose="verify_phone")
    OTPCode.objects.update(failed_attempts=2)
    states = OTPCode.objects.all().with_state(timezone.now(), 5, by_purpose={"withdrawal": 2})
    assert {row.purpose: getattr(row, "state") for row in states} == {  # noqa: B009
        "withdrawal": CodeState.LOCKED,
        "verify_phone": CodeState.LIVE,
    }


@override_sms_otp(PURPOSES={"login": {"CODE_LENGTH": 9}}, CODE_LENGTH=7, COOLDOWN=[])
def test_a_built_in_purpose_can_be_changed_and_the_rest_is_shared() -> None:
    assert request(None, purpose="login").code_length == 9
    assert request(None, purpose="step_up").code_length == 7


@pytest.mark.parametrize(
    ("purpose", "text"),
    [
        ("login", "Ihr Code lautet {}"),
        ("verify_phone", "{} ist Ihr Code, um diese Telefonnummer zu bestätigen"),
        ("step_up", "{} ist Ihr Code, um zu bestätigen, dass Sie es sind"),
    ],
)
def test_a_person_reads_in_their_language_what_a_code_opens(purpose: str, text: str) -> None:
    with translation.override("de"):
        request(None, purpose=purpose)
    assert outbox[-1].body == text.format(last_code())


@declared
def test_an_undeclared_purpose_names_those_there_are() -> None:
    known = "login, verify_phone, step_up, withdrawal"
    with pytest.raises(ValueError, match=f"Did you mean 'withdrawal'.* {known}"):
        request(purpose="withdrawl")
    with pytest.raises(ValueError, match=known):
        redeem("12345678", purpose="test")


@override_sms_otp(PURPOSES={"pay": {"CODE_LIFETIME": timedelta(days=3)}})
def test_what_is_counted_at_a_long_lived_code_is_remembered_as_long() -> None:
    assert memory() == timedelta(days=3)


# A code of one purpose, context or number is none of another


@declared
@pytest.mark.parametrize(
    "other",
    [
        None,
        {},
        {"amount": "50.00 EUR"},
        {**CONTEXT, "amount": "500.00 EUR"},
        {**CONTEXT, "payee": "acme"},
        {**CONTEXT, "payee": "ÁCME"},
        {**CONTEXT, "payee": "ACME "},
        {**CONTEXT, "more": "1"},
        {"amount": "ACME", "payee": "50.00 EUR"},
    ],
)
@pytest.mark.parametrize("by", ["number", "id"])
def test_a_code_is_wrong_for_another_context(by: str, other: Any) -> None:
    issued = request()
    key: dict[str, Any] = {"request_id": issued.request_id} if by == "id" else {}
    assert redeem(last_code(), other, **key).reason == "invalid_code"
    assert isinstance(redeem(last_code(), **key), Redeemed)


@declared
def test_a_code_of_a_context_is_none_of_another_live_one() -> None:
    """Both codes are live at once. Neither opens the other's context."""
    request()
    first = last_code()
    request({**CONTEXT, "amount": "1.00 EUR"})
    second = last_code()
    assert first != second
    assert redeem(second).reason == "invalid_code"
    assert isinstance(redeem(first), Redeemed)
    assert isinstance(redeem(second, {**CONTEXT, "amount": "1.00 EUR"}), Redeemed)


@declared
def test_the_same_context_gets_the_same_code_again() -> None:
    request()
    first = last_code()
    request(dict(reversed(CONTEXT.items())))
    assert last_code() == first
    assert OTPCode.objects.get().send_count == 2


@override_sms_otp(
    PURPOSES={name: {"MESSAGE": "{code} pays"} for name in ("pay", "Pay")}, COOLDOWN=[]
)
def test_purposes_whose_names_differ_in_case_are_two() -> None:
    # To MariaDB and MySQL such texts are the same.
    request(purpose="Pay", context=None)
    answer = redeem(last_code(), purpose="pay", context=None)
    assert isinstance(answer, RedemptionRefused)
    assert isinstance(redeem(last_code(), purpose="Pay", context=None), Redeemed)


@declared
def test_an_accent_is_the_same_however_it_is_composed() -> None:
    request({**CONTEXT, "payee": "Cafe\u0301"})
    assert "Caf\u00e9" in outbox[-1].body
    assert isinstance(redeem(last_code(), {**CONTEXT, "payee": "Caf\u00e9"}), Redeemed)


@declared
def test_contexts_share_the_budget_of_the_number() -> None:
    with override_sms_otp(LIMITS={"phone": "2/h", "phone_ip": None}):
        for number in range(2):
            request({**CONTEXT, "amount": str(number)})
        refused = services.request_code(NUMBER, purpose="withdrawal", context=CONTEXT)
    assert getattr(refused, "reason", "") == "quota_exceeded"


@declared
def test_guesses_at_one_context_count_for_the_number() -> None:
    with override_sms_otp(LIMITS={"failures": "2/h"}):
        request()
        for _ in range(2):
            redeem(wrong(last_code()))
        request({**CONTEXT, "amount": "1"}, ip_address="203.0.113.7")
        answer = redeem(last_code(), {**CONTEXT, "amount": "1"})
    assert answer.reason == "too_many_attempts"


@declared
def test_a_code_of_a_login_confirms_nothing_and_a_confirmation_logs_nobody_in() -> None:
    request(None, purpose="login")
    assert redeem(last_code(), None).reason == "invalid_code"
    request()
    assert redeem(last_code(), None, purpose="login").reason == "invalid_code"
    answer = redeem(last_code())
    assert isinstance(answer, Redeemed)
    assert answer.user is None
    assert not VerifiedPhone.objects.exists()


def test_a_login_may_have_a_context_too() -> None:
    request({"cart": "7"}, purpose="login")
    assert redeem(last_code(), None, purpose="login").reason == "invalid_code"
    answer = redeem(last_code(), {"cart": "7"}, purpose="login")
    assert isinstance(answer, Redeemed)
    assert answer.user is not None


# What the message shows


@declared
@pytest.mark.parametrize(
    "char",
    [
        *("\n", "\r", "\v", "\x00", "\x1b", "\x85", "\u2028", "\u2029", "\u202e", "\u2066"),
        *("\u200f", "\u061c", "\u200b", "\ufeff", "\ud800"),
        # What shows nothing: fillers, selectors, unassigned ones and the Braille blank.
        *("\u3164", "\uffa0", "\u115f", "\u1160", "\u034f", "\u17b4", "\u180b", "\u180f"),
        *("\u2065", "\u2800", "\ufe00", "\ufe0f", "\ufff0", "\U000e0100", "\U000e0fff"),
    ],
    ids=ascii,
)
def test_a_context_cannot_forge_a_line(char: str) -> None:
    forged = f"ACME{char}@evil.example #000000"
    with pytest.raises(ValueError, match=r"context\['payee'\] has a line break") as caught:
        request({**CONTEXT, "payee": forged})
    assert "evil" not in str(caught.value)
    assert not Limit.objects.exists()


@declared
@pytest.mark.parametrize("blank", [" ", "\u00a0\u2003"], ids=ascii)
def test_a_payee_of_spaces_is_none(blank: str) -> None:
    with pytest.raises(ValueError, match="1 to 200 characters"):
        request({**CONTEXT, "payee": blank})


@declared
def test_braces_in_a_context_mean_nothing() -> None:
    request({**CONTEXT, "payee": "{code} {site}"})
    assert outbox[-1].body == f"{last_code()} pays 50.00 EUR to {{code}} {{site}}"


@declared
def test_joiners_of_persian_and_indian_words_are_letters() -> None:
    word = "\u0645\u06cc\u200c\u062e\u0648\u0631\u0645"
    request({**CONTEXT, "payee": word})
    assert word in outbox[-1].body


@declared
def test_the_line_that_binds_the_origin_stays_the_last() -> None:
    with override_sms_otp(ORIGIN="example.com"):
        request({**CONTEXT, "payee": "@evil.example #000000"})
    assert outbox[-1].body.splitlines()[-1] == f"@example.com #{last_code()}"


@declared
def test_what_the_message_shows_must_be_there() -> None:
    with pytest.raises(ValueError, match="'withdrawal' shows payee: pass it in context"):
        request({"amount": "5"})
    with pytest.raises(ValueError, match="shows amount, payee"):
        request(None)
    assert not Limit.objects.exists()


def with_template(text: str) -> Any:
    """Have a site whose purpose ``pay`` has this template."""
    loaders = [("django.template.loaders.locmem.Loader", {"sms/pay.txt": text})]
    engine = "django.template.backends.django.DjangoTemplates"
    return override_settings(
        TEMPLATES=[{"BACKEND": engine, "OPTIONS": {"loaders": loaders}}],
        SMS_OTP={"PURPOSES": {"pay": {"MESSAGE": "sms/pay.txt"}}, "COOLDOWN": []},
    )


PAYS = "{{ code }} pays {{ amount }} to {{ payee }}"


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        PAYS,
        "{{ code }} pays {{ amount|upper }} to {{ payee|truncatechars:9 }}",
        "{% load i18n %}{% blocktranslate %}" + PAYS + "{% endblocktranslate %}",
        "{% with whom=payee %}{{ code }} pays {{ amount }} to {{ whom }}{% endwith %}",
    ],
)
def test_what_a_template_shows_must_be_there(text: str, *, debug: bool) -> None:
    with with_template(text), override_settings(DEBUG=debug):
        for context in (None, {"amuont": "5 EUR", "payee": "ACME"}):
            with pytest.raises(ValueError, match=r"'pay' shows amount.*: pass it in context"):
                request(context, purpose="pay")
        assert not Limit.objects.exists()
        request({"amount": "5 EUR", "payee": "Tom & co"}, purpose="pay")
        shown = outbox[-1].body.removeprefix(last_code())
        assert shown.lower() == " pays 5 eur to tom & co"


def test_a_template_may_ask_what_it_was_given() -> None:
    text = "{{ code }} pays {{ amount }}{% if payee %} to {{ payee }}{% endif %}"
    with with_template(text):
        request({"amount": "5 EUR"}, purpose="pay")
        assert outbox[-1].body == f"{last_code()} pays 5 EUR"


def test_a_template_that_has_changed_since_the_request_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services_arguments, "missing_values", lambda *_: [])
    with with_template(PAYS):
        services.request_code(NUMBER, purpose="pay", context={"amount": "5 EUR"})
    assert not outbox
    assert OTPCode.objects.get().delivery_error == "MissingValues"


TEMPLATES = {"default": {"BACKEND": f"{__name__}.TemplateBackend"}}
LOCMEM = {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}
FAILOVER = {
    "default": {
        "BACKEND": "django_sms_otp.backends.failover.SMSBackend",
        "OPTIONS": {"aliases": ["one", "other"]},
    },
    "one": LOCMEM,
    "other": TEMPLATES["default"],
}


@declared
@pytest.mark.parametrize("backends", [TEMPLATES, FAILOVER], ids=["template", "failover"])
def test_a_gateway_that_does_not_send_our_text_gets_no_code_with_a_context(
    backends: dict[str, Any],
) -> None:
    with (
        override_settings(SMS_OTP_BACKENDS=backends),
        pytest.raises(ValueError, match="channel 'sms' does not send our text"),
    ):
        request()
    assert not Limit.objects.exists()


@override_sms_otp(PURPOSES={"pay": {"MESSAGE": "sms/pay.txt"}})
def test_nor_one_whose_text_is_a_template_of_the_site() -> None:
    with (
        override_settings(SMS_OTP_BACKENDS=TEMPLATES),
        pytest.raises(ValueError, match="does not send our text"),
    ):
        request({"amount": "5"}, purpose="pay")


def test_a_context_that_is_only_bound_and_not_shown_goes_by_every_gateway() -> None:
    with override_settings(SMS_OTP_BACKENDS=TEMPLATES):
        answer = services.request_code(NUMBER, purpose="step_up", context={"account": "7"})
    assert getattr(answer, "reason", "") == "delivery_failed"  # It was handed over.


@declared
def test_a_worker_that_does_not_know_the_purpose_sends_nothing() -> None:
    request()
    otp_code = OTPCode.objects.get()
    with override_sms_otp(PURPOSES={}), pytest.raises(NotDelivered, match="ValueError"):
        message_of(otp_code)


@declared
def test_the_row_keeps_the_context_for_a_worker_and_no_digits() -> None:
    request()
    row = OTPCode.objects.get()
    assert json.loads(row.context) == CONTEXT
    columns = {**vars(row)}
    assert last_code() not in repr(columns)


# What a code confirms and the code's end are one commit


@declared
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("writes", [True, False])
def test_grant_is_called_once_with_nobody_and_its_result_is_granted(writes: bool) -> None:
    users: list[object] = []

    def grant(user: None) -> str:
        users.append(user)
        assert connection.in_atomic_block == writes
        return "paid"

    request()
    answer = redeem(last_code(), grant=grant, grant_writes=writes)
    assert (answer.granted, answer.user, users) == ("paid", None, [None])
    assert redeem(last_code(), grant=grant).reason == "invalid_code"
    assert len(users) == 1


@declared
@pytest.mark.django_db(transaction=True)
def test_an_error_of_grant_rolls_its_writes_back_and_leaves_the_code() -> None:
    def fail(user: None) -> None:
        UserFactory.create(username="written")
        raise ZeroDivisionError

    request()
    with pytest.raises(ZeroDivisionError):
        redeem(last_code(), grant=fail)
    assert not UserFactory._meta.model.objects.filter(username="written").exists()
    assert isinstance(redeem(last_code(), grant=lambda user: None), Redeemed)


@declared
@pytest.mark.django_db(transaction=True)
def test_grant_may_refuse_and_the_code_is_used_up() -> None:
    def refuse(user: None) -> None:
        raise LoginRefused("No.")

    request()
    answer = redeem(last_code(), grant=refuse)
    assert isinstance(answer, RedemptionRefused)
    assert redeem(last_code()).reason == "invalid_code"


@declared
@pytest.mark.django_db(transaction=True)
def test_a_wrong_code_grants_nothing() -> None:
    request()
    granted: list[object] = []
    assert redeem(wrong(last_code()), grant=granted.append).reason == "invalid_code"
    assert not granted


@declared
@pytest.mark.django_db(transaction=True)
def test_in_a_foreign_transaction_nothing_is_granted() -> None:
    request()
    granted: list[object] = []
    with pytest.raises(Exception, match="transaction"), transaction.atomic():
        redeem(last_code(), grant=granted.append)
    assert not granted
