"""Who asks, for the views of a site."""

from __future__ import annotations

from django.http import HttpResponse
from django.test import RequestFactory

from django_sms_otp.client import client_of, remember_device
from django_sms_otp.testing import override_sms_otp


def test_a_request_gives_the_arguments_of_the_services() -> None:
    request = RequestFactory().post("/", REMOTE_ADDR="203.0.113.7")
    assert client_of(request) == {"ip_address": "203.0.113.7", "device": None}
    # Without DEVICE_COOKIE no device has a name.
    assert client_of(request, is_new=True)["device"] is None


@override_sms_otp(DEVICE_COOKIE="device")
def test_a_device_has_a_name_from_its_first_login_on() -> None:
    request = RequestFactory().post("/")
    assert client_of(request)["device"] is None
    client = client_of(request, is_new=True)
    response = HttpResponse()
    remember_device(request, response, client["device"])
    request.COOKIES["device"] = response.cookies["device"].value
    assert client_of(request) == client_of(request, is_new=True) == client
