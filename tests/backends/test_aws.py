"""AWS End User Messaging: the real SDK, over HTTP, against a server on this machine."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from django_sms_otp.backends.aws.backend import SMSBackend
from django_sms_otp.backends.aws.errors import FAULTS
from django_sms_otp.backends.aws.voice import VOICES, compose_ssml
from django_sms_otp.exceptions import (
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from django_sms_otp.testing import Answer, FakeGateway, fake_gateway

from ..support.fake_apprise import self_signed, tls_gateway
from ..support.fake_aws import CREDENTIALS, MESSAGE_ID, accepted, conflict, invalid, problem
from ..support.gateways import make_message

PHONE, CODE = "+14155552671", "482913"
REQUEST_ID = uuid.UUID(int=7)
SENDER = "+15005550006"

MakeBackend = Callable[..., SMSBackend]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGateway]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with fake_gateway() as running:
        running.answers(accepted())
        yield running


@pytest.fixture
def make_backend(gateway: FakeGateway) -> Iterator[MakeBackend]:
    made: list[SMSBackend] = []

    def make(**options: Any) -> SMSBackend:
        defaults = {"region": "eu-central-1", "endpoint_url": gateway.url, "timeout": 5}
        made.append(SMSBackend(alias="default", **{**defaults, **options}))
        return made[-1]

    yield make
    for backend in made:
        backend._client.close()


@pytest.fixture
def backend(make_backend: MakeBackend) -> SMSBackend:
    return make_backend()


def failure_of(backend: SMSBackend, **fields: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        backend.send(make_message(**fields))
    return caught.value


def sent(gateway: FakeGateway) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(gateway.requests[-1].body)
    return fields


# What is sent


def test_a_message_has_just_these_fields(backend: SMSBackend, gateway: FakeGateway) -> None:
    assert backend.send(make_message()).message_id == MESSAGE_ID

    [request] = gateway.requests
    assert request.headers["x-amz-target"] == "PinpointSMSVoiceV2.SendTextMessage"
    assert "/eu-central-1/sms-voice/aws4_request" in request.headers["authorization"]
    assert sent(gateway) == {
        "DestinationPhoneNumber": PHONE,
        "MessageBody": f"Your code is {CODE}",
        "MessageType": "TRANSACTIONAL",
        "TimeToLive": 600,
        "Context": {"request_id": str(REQUEST_ID)},
    }


def test_options_become_fields(make_backend: MakeBackend, gateway: FakeGateway) -> None:
    make_backend(origination_identity=SENDER, configuration_set="otp", max_price="0.05").send(
        make_message()
    )

    fields = sent(gateway)
    assert fields["OriginationIdentity"] == SENDER
    assert fields["ConfigurationSetName"] == "otp"
    assert fields["MaxPrice"] == "0.05"


@pytest.mark.parametrize(
    ("valid_for", "seconds"),
    [
        (timedelta(seconds=-3), 5),
        (timedelta(seconds=61.9), 61),
        (timedelta(days=3), 259_200),
        (timedelta(days=9), 259_200),
    ],
)
def test_the_time_to_live_is_the_rest_of_the_lifetime_as_far_as_aws_takes_it(
    backend: SMSBackend, gateway: FakeGateway, valid_for: timedelta, seconds: int
) -> None:
    backend.send(make_message(valid_for=valid_for))

    assert sent(gateway)["TimeToLive"] == seconds


# Calls


def test_a_call_says_the_code_digit_by_digit(
    make_backend: MakeBackend, gateway: FakeGateway
) -> None:
    backend = make_backend(
        origination_identity=SENDER, max_price="0.05", max_price_per_minute="0.2"
    )
    assert backend.channels == {"sms", "voice"}

    backend.send(make_message(channel="voice", language="de"))

    [request] = gateway.requests
    assert request.headers["x-amz-target"] == "PinpointSMSVoiceV2.SendVoiceMessage"
    fields = sent(gateway)
    speech = fields.pop("MessageBody")
    assert speech.count("Ihr Code") == 3
    assert speech.count('<break time="600ms"/>'.join(CODE)) == 3
    assert fields == {
        "DestinationPhoneNumber": PHONE,
        "OriginationIdentity": SENDER,
        "MessageBodyTextType": "SSML",
        "VoiceId": "VICKI",
        "MaxPricePerMinute": "0.2",
        "TimeToLive": 600,
        "Context": {"request_id": str(REQUEST_ID)},
    }


@pytest.mark.parametrize("channel", ["voice", "whatsapp"])
def test_what_it_cannot_send_is_not_sent_otherwise(
    backend: SMSBackend, gateway: FakeGateway, channel: str
) -> None:
    error = failure_of(backend, channel=channel)

    assert channel not in backend.channels
    assert isinstance(error, NotDelivered)
    assert (error.error_code, error.needs_attention) == ("channel", True)
    assert not gateway.requests


@pytest.mark.parametrize(
    ("language", "voice", "words"),
    [
        ("en", "JOANNA", "Your code is"),
        ("en-gb", "AMY", "Your code is"),
        ("en-nz", "JOANNA", "Your code is"),
        ("fr-ca", "CHANTAL", "Votre code"),
        ("es-ar", "LUCIA", "código"),
        ("xx", "JOANNA", "Your code is"),
        ("ja", "MIZUKI", "認証コード"),
        ("fi", "JOANNA", "Your code is"),
        ("", "JOANNA", "Your code is"),
    ],
)
def test_a_voice_speaks_the_language_of_its_words(
    language: str, voice: str, words: str
) -> None:
    speech, chosen = compose_ssml(CODE, language)

    assert chosen == voice
    assert words in speech


def test_a_call_of_the_longest_code_is_short_enough() -> None:
    assert all(len(compose_ssml("0123456789", language)[0]) <= 6000 for language in VOICES)


# What AWS answers


def shapes() -> dict[str, Any]:
    model = botocore.session.get_session().get_service_model("pinpoint-sms-voice-v2")
    operations = [model.operation_model(f"Send{kind}Message") for kind in ("Text", "Voice")]
    return {shape.name: shape for each in operations for shape in each.error_shapes}


STATUSES = {"InternalServerException": 500, "ThrottlingException": 429}


@pytest.mark.parametrize("name", sorted(shapes()))
def test_every_error_of_the_sdks_own_list_is_understood(
    backend: SMSBackend, gateway: FakeGateway, name: str
) -> None:
    gateway.answers(problem(name, status=STATUSES.get(name, 400)))

    error = failure_of(backend)

    assert error.error_code == name
    assert len(gateway.requests) == 1
    if name == "InternalServerException":
        assert type(error) is DeliveryUnknown
    else:
        assert isinstance(error, NotDelivered)
        assert error.needs_attention is (name != "ThrottlingException")


def test_every_reason_that_is_known_here_is_one_of_the_sdks() -> None:
    reasons = {
        reason
        for shape in shapes().values()
        if "Reason" in shape.members
        for reason in shape.members["Reason"].enum
    }
    assert {name for name in FAULTS if name.isupper()} <= reasons


REFUSED = {name: fault for name, fault in FAULTS.items() if fault.refusal}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_reason_that_is_the_numbers_is_a_refusal(
    backend: SMSBackend, gateway: FakeGateway, reason: str
) -> None:
    gateway.answers(conflict(reason))

    error = failure_of(backend)

    assert isinstance(error, DeliveryRefused)
    assert (error.code, error.error_code) == (REFUSED[reason].refusal, reason)
    assert error.needs_attention is REFUSED[reason].is_to_mend


@pytest.mark.parametrize(
    "answer",
    [
        conflict("DESTINATION_PHONE_NUMBER_NOT_VERIFIED"),
        problem("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"),
        problem("AccessDeniedException", "ACCOUNT_DISABLED"),
        problem("UnrecognizedClientException"),
        problem("ExpiredTokenException"),
        invalid("FIELD_VALIDATION_FAILED", "OriginationIdentity"),
    ],
    ids=lambda answer: str(answer.body.get("Reason", answer.body["__type"])),
)
def test_a_reason_that_is_the_sites_needs_attention(
    backend: SMSBackend, gateway: FakeGateway, answer: Answer
) -> None:
    gateway.answers(answer)

    error = failure_of(backend)

    assert isinstance(error, NotDelivered)
    assert error.needs_attention


def test_a_voice_that_aws_lacks_is_replaced_by_an_english_one(
    make_backend: MakeBackend, gateway: FakeGateway
) -> None:
    gateway.answers(
        invalid("FIELD_VALIDATION_FAILED", "VoiceId"), Answer(body={"MessageId": "m1"})
    )

    make_backend(origination_identity="+15005550006").send(
        make_message(channel="voice", language="de")
    )

    voices = [json.loads(each.body)["VoiceId"] for each in gateway.requests]
    assert voices == [VOICES["de"], VOICES["en"]]


def test_throttling_says_when_to_come_back(backend: SMSBackend, gateway: FakeGateway) -> None:
    gateway.answers(problem("ThrottlingException", status=400))

    error = failure_of(backend)

    assert isinstance(error, NotDelivered)
    assert error.retry_after == timedelta(seconds=5)
    assert not error.needs_attention
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("body", [{}, {"MessageId": ""}, {"MessageId": None}])
def test_a_success_without_a_message_leaves_it_unknown(
    backend: SMSBackend, gateway: FakeGateway, body: object
) -> None:
    gateway.answers(Answer(body=body))

    assert type(failure_of(backend)) is DeliveryUnknown


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_the_environment_cannot_make_it_try_again(
    make_backend: MakeBackend,
    gateway: FakeGateway,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    monkeypatch.setenv("AWS_RETRY_MODE", mode)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    gateway.answers(Answer(raw=b""))

    assert type(failure_of(make_backend())) is DeliveryUnknown
    assert len(gateway.requests) == 1


# What boto3 finds by itself


def test_without_credentials_nothing_is_asked(
    make_backend: MakeBackend, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    error = failure_of(make_backend())

    assert isinstance(error, NotDelivered)
    assert error.needs_attention
    assert not gateway.requests


def test_the_region_is_boto3s_where_none_is_given(
    make_backend: MakeBackend, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")

    make_backend(region=None).send(make_message())

    assert "/ap-south-1/" in gateway.requests[0].headers["authorization"]


def test_no_region_at_all_is_an_error_of_the_settings(
    make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)

    with pytest.raises(InvalidBackend, match="region"):
        make_backend(region=None)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_certificate_that_is_not_amazons_stops_it(
    make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tls_gateway(self_signed(tmp_path)) as (everywhere, proxy):
        monkeypatch.setenv("HTTPS_PROXY", proxy)

        error = failure_of(make_backend(endpoint_url=None))
        assert isinstance(error, NotDelivered)
        assert error.error_code == "SSLError"
        assert not everywhere.requests


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timeout": 0}, "'timeout'"),
        ({"timeout": None}, "'timeout'"),
        ({"endpoint_url": "nowhere"}, "boto3 makes no client"),
        ({"regoin": "x"}, "Did you mean 'region'"),
    ],
    ids=str,
)
def test_a_bad_option_is_refused_by_its_name(
    make_backend: MakeBackend, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidBackend, match=text):
        make_backend(**options)


# What is logged


def test_the_sdk_logs_again_after_the_message(
    backend: SMSBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    backend.send(make_message())
    assert not caplog.text
    backend._client.describe_phone_numbers()

    assert "DescribePhoneNumbers" in caplog.text


MISSING = """
import sys
sys.modules["boto3"] = None
from django.conf import settings
settings.configure(USE_TZ=True)
from django_sms_otp.backends.aws import SMSBackend
try:
    SMSBackend(alias="default")
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_missing_sdk_is_named_with_its_extra() -> None:
    result = subprocess.run(
        [sys.executable, "-c", MISSING], capture_output=True, text=True, check=True
    )

    assert result.stdout.startswith(
        "InvalidBackend SMS_OTP_BACKENDS['default']: Amazon's SDK is"
    )
    assert "pip install 'django-sms-otp[aws]'" in result.stdout
