"""The address of receipts: what Twilio is told is what its signature is verified by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.http import QueryDict
from django.test import Client, override_settings
from django.urls import include, path
from twilio.request_validator import RequestValidator

from django_sms_otp.backends import get_backend
from django_sms_otp.models import OTPCode
from django_sms_otp.testing import override_sms_otp

from ..support.callbacks import FORM, PUBLIC_URL, TOKEN, Callback, twilio
from ..support.factories import OTPCodeFactory

pytestmark = pytest.mark.django_db

BY_SHOP = "https://login.example/acme/auth/sms/"

urlpatterns = [path("<slug:shop>/auth/sms/", include("django_sms_otp.urls"))]


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    backends = {"default": twilio(), "a=b;c": twilio()}
    keys = {**settings.SMS_OTP, "PUBLIC_URL": PUBLIC_URL}
    with override_settings(SMS_OTP=keys, SMS_OTP_BACKENDS=backends):
        yield


def address_of_tenant() -> str:
    return BY_SHOP


def call(alias: str, path: str) -> tuple[int, str]:
    """Have Twilio call what it was told, by way of a proxy that leads to ``path``. Return the
    status, and the state of the code."""
    code = OTPCodeFactory.create(backend=alias, delivery_state="sent", message_id=Callback.sid)
    callback = Callback(code=code, alias=alias)
    query = callback.path.partition("?")[2]
    told = f"{get_backend(alias).receipt_url()}?{query}"
    signature = RequestValidator(TOKEN).compute_signature(told, QueryDict(callback.body))
    answer = Client().post(
        f"{path}?{query}",
        callback.body,
        content_type=FORM,
        headers={"X-Twilio-Signature": signature},
    )
    return answer.status_code, OTPCode.objects.get(pk=code.pk).delivery_state


@pytest.mark.parametrize("value", [BY_SHOP, f"{__name__}.address_of_tenant"])
def test_a_path_with_values_of_the_site_works(value: str) -> None:
    with override_settings(ROOT_URLCONF=__name__), override_sms_otp(RECEIPTS_URL=value):
        path = "/acme/auth/sms/webhooks/twilio/default/"
        assert get_backend().receipt_url() == f"https://login.example{path}"
        assert call("default", path) == (204, "delivered")


def test_such_a_path_without_the_setting_is_told_by_a_check() -> None:
    with override_settings(ROOT_URLCONF=__name__):
        found = [each for each in run_checks() if each.id == "sms_otp.W015"]
    assert "RECEIPTS_URL" in str(found[0].hint)


def test_a_worker_knows_the_prefix_behind_a_proxy() -> None:
    with override_sms_otp(RECEIPTS_URL="https://login.example/eu/auth/sms"):
        told = get_backend().receipt_url()
        assert told == "https://login.example/eu/auth/sms/webhooks/twilio/default/"
        assert call("default", "/auth/sms/webhooks/twilio/default/") == (204, "delivered")


def test_an_alias_with_marks_of_addresses_works() -> None:
    assert call("a=b;c", "/auth/sms/webhooks/twilio/a=b;c/") == (204, "delivered")


def test_a_receipt_that_another_address_was_signed_for_is_refused() -> None:
    code = OTPCodeFactory.create(
        backend="default", delivery_state="sent", message_id=Callback.sid
    )
    with override_sms_otp(RECEIPTS_URL=BY_SHOP):
        assert Callback(code=code).post() == 403
