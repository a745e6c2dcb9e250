"""System checks of the channels: what serves them, and what that hands messages on to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.core.checks import CheckMessage, Warning
from django.test import override_settings

from django_sms_otp.backends import BaseSMSBackend, get_backend, with_targets
from django_sms_otp.testing import override_sms_otp

from .test_checks import LOCMEM, found, messages_found


class Gateway(BaseSMSBackend):
    """Sends SMS, and has something to say."""

    says: ClassVar[list[CheckMessage]] = []

    def check(self) -> list[CheckMessage]:
        return self.says


class Caller(Gateway):
    channels = frozenset({"voice"})


class Composite(Gateway):
    channels = frozenset({"sms", "voice"})

    def __init__(self, *, alias: str, targets: Sequence[str]) -> None:
        super().__init__(alias=alias)
        self.targets = targets


def entry(name: str, *targets: str) -> dict[str, Any]:
    options = {"OPTIONS": {"targets": targets}} if targets else {}
    return {"BACKEND": f"{__name__}.{name}", **options}


def configured(channels: dict[str, str], **entries: dict[str, Any]) -> Any:
    policy = {
        "CHANNELS": channels,
        "CODE_LIFETIME": timedelta(minutes=10),
        "LIMITS": {"site": "500/h"},
    }
    return override_settings(SMS_OTP=policy, SMS_OTP_BACKENDS=entries)


# E021 ----------------------------------------------------------------------------------------


def test_e021_a_channel_whose_backend_is_not_there() -> None:
    with configured({"sms": "default", "voice": "cals"}, default=entry("Gateway"), calls={}):
        messages = found()
    assert "SMS_OTP['CHANNELS']['voice'] is 'cals'" in messages["sms_otp.E021"]
    assert "Did you mean 'calls'?" in messages["sms_otp.E021"]


def test_e021_a_site_without_a_default_backend() -> None:
    with override_settings(SMS_OTP_BACKENDS={"other": {"BACKEND": LOCMEM}}):
        assert "SMS_OTP_BACKENDS['default']: there is no such" in found()["sms_otp.E021"]


def test_e021_a_channel_that_its_backend_does_not_serve() -> None:
    with configured({"sms": "default", "voice": "default"}, default=entry("Gateway")):
        messages = found()
    assert list(messages) == ["sms_otp.E021"]
    assert f"{__name__} sends sms." in messages["sms_otp.E021"]
    assert "Name a backend that serves the channel" in messages["sms_otp.E021"]


def test_e021_a_site_without_sms_whose_backend_sends_sms_alone() -> None:
    with configured({"voice": "default"}, default=entry("Gateway")):
        assert list(found()) == ["sms_otp.E021"]


def test_e021_a_target_that_is_not_there() -> None:
    composites = {"default": entry("Composite", "inner"), "inner": entry("Composite", "gone")}
    with configured({"sms": "default"}, **composites):
        assert "SMS_OTP_BACKENDS['gone']: there is no such" in found()["sms_otp.E021"]


@pytest.mark.parametrize(
    "channels", [{"voice": "calls"}, {"sms": "default", "voice": "calls"}, {"sms": "default"}]
)
def test_e021_is_silent_on_backends_that_serve_their_channels(channels: dict[str, str]) -> None:
    backends = {"default": entry("Gateway"), "calls": entry("Caller")}
    with configured(channels, **backends), override_sms_otp(NOTIFY_OLD_NUMBER=False):
        assert found(deploy=True) == {}


def test_e021_is_silent_on_a_broken_backend_of_which_e002_speaks() -> None:
    with configured({"sms": "default"}, default={"BACKEND": "nowhere.SMSBackend"}):
        assert list(found(deploy=True)) == ["sms_otp.E002"]


def test_e021_is_silent_on_a_broken_target_of_which_e002_speaks() -> None:
    broken = {"BACKEND": "nowhere.SMSBackend"}
    with configured({"sms": "default"}, default=entry("Composite", "a"), a=broken):
        assert list(found(deploy=True)) == ["sms_otp.E002"]


# E011 ----------------------------------------------------------------------------------------


def test_e011_the_backend_of_any_channel_for_development() -> None:
    locmem = {"BACKEND": LOCMEM}
    with configured(
        {"sms": "default", "voice": "calls"}, default=entry("Gateway"), calls=locmem
    ):
        messages = found(deploy=True)
    assert list(messages) == ["sms_otp.E011"]
    assert "'calls'" in messages["sms_otp.E011"]


def test_e011_a_target_for_development() -> None:
    entries = {
        "default": entry("Composite", "gateway", "inner"),
        "inner": entry("Composite", "gateway", "spare"),
        "gateway": entry("Gateway"),
        "spare": {"BACKEND": LOCMEM},
    }
    with configured({"sms": "default", "voice": "default"}, **entries):
        [message] = [each for each in messages_found(deploy=True) if each.id == "sms_otp.E011"]
    assert "SMS_OTP_BACKENDS['spare']" in message.msg


def test_e011_is_silent_on_a_backend_that_no_channel_leads_to() -> None:
    with configured({"sms": "default"}, default=entry("Gateway"), staging={"BACKEND": LOCMEM}):
        assert found(deploy=True) == {}


# What backends say themselves ----------------------------------------------------------------


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    message = Warning("The sender has no name.", id="sms_otp.W999")
    monkeypatch.setattr(Gateway, "says", [message])


def test_a_backend_speaks_under_deploy_alone(talkative: None) -> None:
    with configured({"sms": "default"}, default=entry("Gateway")):
        assert found() == {}
        assert found(deploy=True) == {"sms_otp.W999": "The sender has no name. "}


def test_the_same_message_is_shown_once(talkative: None) -> None:
    entries = {"default": entry("Composite", "gateway"), "gateway": entry("Gateway")}
    with configured({"sms": "default", "voice": "default"}, **entries):
        assert [each.id for each in messages_found(deploy=True)] == ["sms_otp.W999"]


def test_a_backend_that_no_channel_leads_to_is_not_asked(talkative: None) -> None:
    with configured({"voice": "calls"}, calls={"BACKEND": LOCMEM}, default=entry("Gateway")):
        assert "sms_otp.W999" not in found(deploy=True)


# Targets -------------------------------------------------------------------------------------


def test_targets_are_found_once() -> None:
    entries = {
        "default": entry("Composite", "a", "b"),
        "a": entry("Composite", "b"),
        "b": entry("Gateway"),
    }
    with override_settings(SMS_OTP_BACKENDS=entries):
        assert [each.alias for each in with_targets("default")] == ["default", "a", "b"]
        assert with_targets("b") == [get_backend("b")]


def test_no_check_crashes_on_broken_channels() -> None:
    with override_sms_otp(CHANNELS={"sms": 6}):
        assert list(found(deploy=True)) == ["sms_otp.E001"]
