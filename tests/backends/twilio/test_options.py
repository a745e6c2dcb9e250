"""What the options of the backend take."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from django_sms_otp.backends.twilio.backend import SMSBackend
from django_sms_otp.exceptions import InvalidBackend, NotDelivered

from ...support.fake_twilio import FakeTwilio
from .kit import (
    ACCOUNT_SID,
    API_KEY_SECRET,
    API_KEY_SID,
    AUTH_TOKEN,
    OPTIONS,
    SENDER,
    SERVICE_SID,
    MakeBackend,
    failure_of,
    make_message,
    without,
)

CONTENT_SID = "HX" + "4" * 32
WHATSAPP = {**OPTIONS, "whatsapp_from": SENDER, "content_sid": CONTENT_SID}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (without("account_sid"), "account_sid"),
        (
            {**OPTIONS, "account_sid": "AC123"},
            "'account_sid' must be an Account SID: AC and 32",
        ),
        ({**OPTIONS, "account_sid": "AC" + "x" * 32}, "32 hexadecimal digits"),
        ({**OPTIONS, "account_sid": ACCOUNT_SID + "\n"}, "32 hexadecimal digits"),
        ({**OPTIONS, "account_sid": API_KEY_SID}, "an API key: give it as 'api_key_sid'"),
        (
            {**OPTIONS, "api_key_sid": ACCOUNT_SID, "api_key_secret": API_KEY_SECRET},
            "'api_key_sid' must be an API key SID: SK and 32",
        ),
        (
            {**without("from_number"), "messaging_service_sid": "MG1"},
            "'messaging_service_sid' must be a Messaging Service SID: MG and 32",
        ),
        ({**OPTIONS, "account_sid": None}, "account_sid"),
        (without("auth_token"), "auth_token"),
        ({**OPTIONS, "auth_token": None}, "auth_token"),
        ({**without("auth_token"), "api_key_sid": API_KEY_SID}, "api_key_secret"),
        ({**without("auth_token"), "api_key_secret": API_KEY_SECRET}, "api_key_sid"),
        ({**OPTIONS, "api_key_sid": API_KEY_SID}, "api_key_secret"),
        ({**OPTIONS, "api_key_secret": API_KEY_SECRET}, "api_key_sid"),
        (without("from_number"), "from_number"),
        ({**OPTIONS, "messaging_service_sid": SERVICE_SID}, "messaging_service_sid"),
        ({**OPTIONS, "timeout": 0}, "timeout"),
        ({**OPTIONS, "timeout": -1}, "timeout"),
        ({**OPTIONS, "timeout": None}, "timeout"),
        ({**OPTIONS, "timeout": "10"}, "timeout"),
        ({**OPTIONS, "base_url": "gateway"}, "'base_url' must be a scheme and a host"),
        ({**OPTIONS, "base_url": 5}, "'base_url' must be a scheme and a host"),
        ({**OPTIONS, "base_url": "http://localhost", "edge": "dublin"}, "edge"),
        ({**OPTIONS, "base_url": "http://localhost", "region": "ie1"}, "region"),
        ({**OPTIONS, "region": "ie1"}, "edge"),
        ({**OPTIONS, "time_out": 10}, "Did you mean 'timeout'?"),
        ({**OPTIONS, "from": SENDER}, "unknown option 'from'"),
        ({**OPTIONS, "from_number": "whatsapp:+15005550006"}, "'from_number'"),
        ({**OPTIONS, "from_number": "TWELVELETTER"}, "1 to 11 letters"),
        ({**OPTIONS, "from_number": "ACMÉ"}, "1 to 11 letters"),
        ({**OPTIONS, "from_number": "12345678901"}, "one letter at least"),
        ({**OPTIONS, "from_number": "+0123"}, "E.164"),
        ({**OPTIONS, "from_number": 15005550006}, "E.164"),
        ({**OPTIONS, "from_number": "ACME\n"}, "'from_number'"),
        ({**OPTIONS, "senders": {"GB": "TWELVELETTER"}}, "'senders' for 'GB' must be"),
        ({**OPTIONS, "senders": {"UK": "ACME"}}, "two-letter region"),
        ({**OPTIONS, "senders": ["ACME"]}, "two-letter region"),
        (
            {**without("from_number"), "voice_from": SENDER, "senders": {"GB": "ACME"}},
            "'messaging_service_sid' or 'from_number'",
        ),
        ({**OPTIONS, "risk_check": True}, "must be one of 'enable', 'disable'"),
        ({**OPTIONS, "provide_feedback": "yes"}, "'provide_feedback' must be True"),
        ({**OPTIONS, "smart_encoded": "on"}, "'smart_encoded' must be True"),
        ({**OPTIONS, "content_retention": "obfuscate"}, "must be one of 'discard', 'retain'"),
        ({**OPTIONS, "address_retention": "discard"}, "must be one of 'obfuscate', 'retain'"),
        ({**OPTIONS, "whatsapp_from": "ACME"}, "'whatsapp_from'"),
        ({**OPTIONS, "content_sid": CONTENT_SID}, "'whatsapp_from'"),
        (
            {**OPTIONS, "whatsapp_from": SENDER, "content_sid": "SM1"},
            "HX and 32 hexadecimal digits",
        ),
        ({**WHATSAPP, "content_sid": "", "content_variables": {"1": "{code}"}}, "content_sid"),
        ({**WHATSAPP, "content_variables": {}}, "{code}"),
        ({**WHATSAPP, "content_variables": {"1": "code"}}, "{code}"),
        ({**WHATSAPP, "content_variables": {"1": "{code}", "2": ""}}, "texts"),
        ({**WHATSAPP, "content_variables": {1: "{code}"}}, "texts"),
        ({**WHATSAPP, "content_variables": "{code}"}, "dict"),
        ({**OPTIONS, "voice_from": "ACME"}, "'voice_from'"),
        ({**OPTIONS, "voice_from": SENDER, "ring_timeout": 4}, "from 5 to 600"),
        ({**OPTIONS, "voice_from": SENDER, "ring_timeout": 601}, "from 5 to 600"),
        ({**OPTIONS, "voice_from": SENDER, "ring_timeout": 15.5}, "whole number"),
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


@pytest.mark.parametrize("sender", [SENDER, "12345", "ACME", "A1", "Acme & Co-1", "x" * 11])
def test_what_may_send(make_backend: MakeBackend, sender: str) -> None:
    make_backend(**{**OPTIONS, "from_number": sender}, senders={"GB": sender})


@pytest.mark.parametrize(
    ("senders", "channels"),
    [
        ({"from_number": SENDER}, ["sms"]),
        ({"messaging_service_sid": SERVICE_SID}, ["sms"]),
        ({"whatsapp_from": SENDER}, ["whatsapp"]),
        ({"voice_from": SENDER}, ["voice"]),
        (
            {"from_number": SENDER, "whatsapp_from": SENDER, "voice_from": SENDER},
            ["sms", "voice", "whatsapp"],
        ),
    ],
    ids=repr,
)
def test_the_channels_are_those_that_have_a_sender(
    make_backend: MakeBackend, senders: dict[str, str], channels: list[str]
) -> None:
    backend = make_backend(**without("from_number"), **senders)

    assert sorted(backend.channels) == channels


def test_a_channel_without_a_sender_is_not_tried(
    backend: SMSBackend, twilio: FakeTwilio
) -> None:
    error = failure_of(backend, make_message(channel="whatsapp"))

    assert isinstance(error, NotDelivered)
    assert (error.error_code, error.needs_attention) == ("no-sender", True)
    assert twilio.requests == []


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
        "import django_sms_otp.backends.twilio.backend; "
        "sys.exit('twilio' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=False, capture_output=True
    )

    assert done.returncode == 0, done.stderr.decode()


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
