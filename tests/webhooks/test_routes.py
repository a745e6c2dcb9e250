"""Receipts of any gateway find their view by the class of the backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings

from django_sms_otp.backends import BaseSMSBackend, get_backend
from django_sms_otp.testing import override_sms_otp
from django_sms_otp.webhooks import Receipt, ReceiptView

BACKENDS = {
    "default": {"BACKEND": f"{__name__}.OtherBackend"},
    "locmem": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"},
}


class OtherBackend(BaseSMSBackend):
    gateway = "other"
    receipt_view = f"{__name__}.OtherView"


class OtherView(ReceiptView):
    content_type = "application/json"

    def read(
        self, request: HttpRequest, body: bytes, backend: BaseSMSBackend
    ) -> Receipt | HttpResponse | None:
        return HttpResponse(f"{backend.alias} {body.decode()}", status=418)


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    with override_settings(SMS_OTP_BACKENDS=BACKENDS):
        yield


def post(path: str) -> tuple[int, str]:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(path, "hello", content_type="application/json")
    return answer.status_code, answer.content.decode()


def test_a_receipt_reaches_the_view_that_the_backend_names() -> None:
    assert post("/auth/sms/webhooks/other/default/") == (418, "default hello")


@pytest.mark.parametrize("path", ["twilio/default", "other/locmem", "/locmem", "other/nowhere"])
def test_another_gateways_address_is_not_found(path: str) -> None:
    assert post(f"/auth/sms/webhooks/{path}/")[0] == 404


@pytest.mark.parametrize("public_url", ["https://shop.example", "https://shop.example/"])
def test_a_backend_knows_the_public_address_of_its_receipts(public_url: str) -> None:
    with override_sms_otp(PUBLIC_URL=public_url):
        address = get_backend().receipt_url()
    assert address == "https://shop.example/auth/sms/webhooks/other/default/"


def test_without_a_public_url_there_is_no_address() -> None:
    assert get_backend().receipt_url() is None
