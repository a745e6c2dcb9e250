"""``channel`` of ``get-code``: who may choose what, and that a choice buys nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from django_sms_otp import services, testing
from django_sms_otp.exceptions import NotSMSCapable
from django_sms_otp.models import HourlyCount, OTPCode
from django_sms_otp.testing import override_sms_otp
from tests.api.test_api import NOW, assert_refused
from tests.conftest import PHONE, Post, body_of, last_code

LANDLINE = "+442079460958"
FREE_OF_CHARGE = "+448081570192"
PREMIUM_RATE = "+449012345678"
ABROAD = "+33123456789"
NOBODYS = "+12005550000"

both = override_sms_otp(CHANNELS={"sms": "default", "voice": "default"})
no_landlines = override_sms_otp(
    CHANNELS={"sms": "default", "voice": "default"},
    REFUSED_NUMBER_TYPES=["UNKNOWN", "VOIP", "FIXED_LINE"],
)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def last_channel() -> str:
    return testing.outbox[-1].channel


# The choice ----------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_a_client_chooses_the_channel(get_code: Post, channel: str) -> None:
    assert get_code(phone_number=PHONE, channel=channel).status_code == 202
    assert last_channel() == channel
    assert OTPCode.objects.get().channel == channel


@both
@pytest.mark.parametrize("body", [{}, {"channel": None}, {"channel": ""}, {"channel": " "}])
def test_without_a_choice_it_is_an_sms(get_code: Post, body: dict[str, Any]) -> None:
    assert get_code(phone_number=PHONE, **body).status_code == 202
    assert last_channel() == "sms"


@override_sms_otp(CHANNELS={"whatsapp": "default", "voice": "default"})
def test_without_a_choice_and_without_sms_it_is_the_first_channel(get_code: Post) -> None:
    assert get_code(phone_number=PHONE).status_code == 202
    assert last_channel() == "whatsapp"


@both
@pytest.mark.parametrize("channel", ["whatsapp", "SMS", "pigeon", "sms,voice"])
def test_a_channel_that_the_site_does_not_offer_is_named(get_code: Post, channel: str) -> None:
    answer = get_code(phone_number=PHONE, channel=channel)
    assert_refused(answer, 400, "invalid", "channel")
    assert body_of(answer)["errors"] == {"channel": ["Must be one of: sms, voice."]}
    assert testing.outbox == []


@both
@pytest.mark.parametrize("channel", [[], {}, ["sms"], 1, True], ids=repr)
def test_a_channel_that_is_no_text_is_named(get_code: Post, channel: object) -> None:
    assert_refused(get_code(phone_number=PHONE, channel=channel), 400, "invalid", "channel")


def test_a_site_without_calls_calls_nobody(get_code: Post) -> None:
    answer = get_code(phone_number=PHONE, channel="voice")
    assert body_of(answer)["errors"] == {"channel": ["Must be one of: sms."]}


# What it does not buy ------------------------------------------------------------------------


@both
def test_another_channel_is_no_way_around_the_cooldown(get_code: Post) -> None:
    assert get_code(phone_number=PHONE).status_code == 202
    for channel in ("voice", "sms"):
        assert_refused(get_code(phone_number=PHONE, channel=channel), 429, "cooldown")
    assert len(testing.outbox) == 1


@pytest.mark.parametrize("channels", [("sms", "voice"), ("voice", "sms")])
def test_another_channel_is_no_way_around_the_quota(
    get_code: Post, clock: time_machine.Traveller, channels: tuple[str, str]
) -> None:
    with both, override_sms_otp(COOLDOWN=[], LIMITS={"phone": "4/h", "phone_ip": None}):
        answers = [
            get_code(phone_number=PHONE, channel=channels[turn % 2]).status_code
            for turn in range(8)
        ]
    assert answers == [202] * 4 + [429] * 4
    assert len(testing.outbox) == 4


@both
def test_the_same_code_comes_by_either_channel(
    get_code: Post, auth_code: Post, clock: time_machine.Traveller
) -> None:
    first = body_of(get_code(phone_number=PHONE))
    clock.shift(timedelta(seconds=31))
    second = body_of(get_code(phone_number=PHONE, channel="voice"))
    assert second["request_id"] == first["request_id"]
    assert [message.channel for message in testing.outbox] == ["sms", "voice"]
    assert len({message.code for message in testing.outbox}) == 1
    assert OTPCode.objects.get().channel == "voice"
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


# Landlines -----------------------------------------------------------------------------------


@no_landlines
def test_a_landline_gets_a_call_and_no_sms(get_code: Post) -> None:
    for body in ({}, {"channel": "sms"}):
        answer = get_code(phone_number=LANDLINE, **body)
        assert_refused(answer, 400, "phone_number_not_sms_capable", "phone_number")
    assert get_code(phone_number=LANDLINE, channel="voice").status_code == 202
    assert [message.channel for message in testing.outbox] == ["voice"]


@no_landlines
def test_who_was_called_on_a_landline_logs_in(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=LANDLINE, channel="voice")
    assert auth_code(phone_number=LANDLINE, code=last_code()).status_code == 200


@override_sms_otp(REFUSED_NUMBER_TYPES=["FIXED_LINE"])
def test_without_calls_a_landline_is_refused_everywhere(
    get_code: Post, auth_code: Post
) -> None:
    for answer in (get_code(phone_number=LANDLINE), auth_code(phone_number=LANDLINE, code="1")):
        assert_refused(answer, 400, "phone_number_not_sms_capable", "phone_number")


@no_landlines
@pytest.mark.parametrize("number", [PREMIUM_RATE, FREE_OF_CHARGE, "+445612345678"])
def test_a_call_reaches_no_number_that_pays_its_holder(get_code: Post, number: str) -> None:
    """Premium-rate, toll-free, and VoIP where the site has refused that."""
    answer = get_code(phone_number=number, channel="voice")
    assert_refused(answer, 400, "phone_number_not_sms_capable", "phone_number")
    assert testing.outbox == []


@no_landlines
def test_a_call_reaches_no_number_that_nobody_has(get_code: Post) -> None:
    answer = get_code(phone_number=NOBODYS, channel="voice")
    assert_refused(answer, 400, "invalid_phone_number", "phone_number")


def test_a_call_reaches_no_country_that_the_site_does_not_send_to(get_code: Post) -> None:
    with no_landlines, override_sms_otp(ALLOWED_REGIONS=["GB"]):
        answer = get_code(phone_number=ABROAD, channel="voice")
        assert_refused(answer, 400, "region_not_supported", "phone_number")
        assert get_code(phone_number=LANDLINE, channel="voice").status_code == 202


def test_a_refused_number_is_counted_whatever_the_channel(get_code: Post) -> None:
    with no_landlines:
        get_code(phone_number=LANDLINE)
        get_code(phone_number=PREMIUM_RATE, channel="voice")
    count = HourlyCount.objects.get(event="refused:number_type", region="GB")
    assert count.count == 2


def test_types_that_are_only_recorded_pass_by_every_channel(get_code: Post) -> None:
    with no_landlines, override_sms_otp(CONTROL_MODES={"number_type": "record"}, COOLDOWN=[]):
        assert get_code(phone_number=LANDLINE).status_code == 202
        assert get_code(phone_number=PREMIUM_RATE, channel="voice").status_code == 202
        assert get_code(phone_number=NOBODYS, channel="voice").status_code == 400


# The services --------------------------------------------------------------------------------


@no_landlines
def test_a_number_is_read_for_its_channel() -> None:
    number = services.read_phone_number(LANDLINE, to_send=True, channel="voice")
    assert number.e164 == LANDLINE
    # Who has it may have been called.
    assert services.read_phone_number(LANDLINE) == number


@no_landlines
@pytest.mark.django_db
@pytest.mark.parametrize("channel", [None, "sms"])
def test_a_number_is_read_for_an_sms_by_default(channel: str | None) -> None:
    with pytest.raises(NotSMSCapable):
        services.read_phone_number(LANDLINE, to_send=True, channel=channel)
