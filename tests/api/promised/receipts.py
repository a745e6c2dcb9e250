"""Twilio's receipts."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import OperationalError, connection

from django_sms_otp.signals import delivery_updated
from django_sms_otp.testing import override_sms_otp
from django_sms_otp.webhooks.base import LARGEST_BODY
from tests.support import broken
from tests.support.callbacks import FORM, PUBLIC_URL, Callback, twilio
from tests.support.factories import OTPCodeFactory

from .base import Site, case

RECEIPT = "sms_otp_twilio_receipt"


def call(
    site: Site,
    callback: Callback | None = None,
    *,
    body: str | None = None,
    content_type: str = FORM,
    signature: str | None = None,
) -> Any:
    callback = callback or Callback(code=OTPCodeFactory.create(delivery_state="sent"))
    site.settings.SMS_OTP_BACKENDS = {"default": twilio()}
    with override_sms_otp(PUBLIC_URL=PUBLIC_URL):
        return site.client.post(
            callback.path,
            callback.body if body is None else body,
            content_type=content_type,
            headers={
                "X-Twilio-Signature": callback.signature() if signature is None else signature
            },
        )


@case(RECEIPT, 204)
def taken(site: Site) -> Any:
    return call(site)


@case(RECEIPT, 400)
def too_many_fields(site: Site) -> Any:
    return call(site, body="&".join("a" for _ in range(2000)))


@case(RECEIPT, 403)
def forged(site: Site) -> Any:
    return call(site, signature="forged")


@case(RECEIPT, 404)
def of_no_code(site: Site) -> Any:
    return call(site, Callback(code=uuid.uuid4()))


@case(RECEIPT, 413)
def too_large(site: Site) -> Any:
    return call(site, body="x" * (LARGEST_BODY + 1))


@case(RECEIPT, 415)
def json(site: Site) -> Any:
    return call(site, body="{}", content_type="application/json")


@case(RECEIPT, 500)
def broken_receiver(site: Site) -> Any:
    delivery_updated.connect(broken.receive)
    try:
        return call(site)
    finally:
        delivery_updated.disconnect(broken.receive)


@case(RECEIPT, 503)
def without_database(site: Site) -> Any:
    def fail(*_args: object) -> None:
        raise OperationalError

    callback = Callback(code=OTPCodeFactory.create(delivery_state="sent"))
    with connection.execute_wrapper(fail):
        return call(site, callback)
