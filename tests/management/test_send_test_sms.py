"""``send_test_sms`` over real sockets, with a server in place of Twilio."""

from __future__ import annotations

import logging
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, Warning
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage, hand_over
from django_sms_otp.backends.composite import circuits
from django_sms_otp.backends.composite.circuit_state import CircuitPolicy
from django_sms_otp.exceptions import DeliveryUnknown
from django_sms_otp.management.diagnosis import explain_failure
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE
from ..support.fake_apprise import self_signed
from ..support.fake_twilio import (
    MESSAGE_SID,
    Answer,
    FakeTwilio,
    accepted,
    fake_twilio,
    refusal,
)
from ..support.gateways import composite, gateways, unreachable
from ..support.gateways import entries as gateway_entries

MASKED = "+1********71"
DOCS = "https://www.twilio.com/docs/api/errors"


class Forwarding(BaseSMSBackend):
    """Hands messages on, and reports a problem of its configuration."""

    targets = ("twilio",)

    def send(self, message: SMSMessage) -> SendResult:
        return hand_over(message, "twilio")

    def check(self) -> list[CheckMessage]:
        return [Warning("Only one target.", hint="Name two.", id="sms_otp.W999")]


class OwnCodes(BaseSMSBackend):
    checks_codes = True

    def send(self, message: SMSMessage) -> SendResult:
        assert message.code is None
        assert not message.body
        return SendResult()


class Crashing(BaseSMSBackend):
    def send(self, message: SMSMessage) -> SendResult:
        raise ZeroDivisionError(message.to)


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with fake_twilio() as fake, override_settings(SMS_OTP_BACKENDS=entries(fake.base_url)):
        yield fake


def entries(base_url: str, **options: Any) -> dict[str, Any]:
    credentials = {"account_sid": "AC" + "1" * 32, "auth_token": "secret"}
    sender = {"from_number": "+15005550006", "base_url": base_url}
    ours = {
        name: {"BACKEND": f"{__name__}.{name}"}
        for name in ("Forwarding", "OwnCodes", "Crashing")
    }
    twilio = {
        "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
        "OPTIONS": {**credentials, **sender, **options},
    }
    locmem = {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}
    webhook = {
        "BACKEND": "django_sms_otp.backends.webhook.SMSBackend",
        "OPTIONS": {"url": base_url, "secret": "s" * 32},
    }
    named = {"default": twilio, "twilio": twilio, "webhook": webhook, "locmem": locmem}
    return {**named, **ours}


@contextmanager
def untrusted_server(folder: Path) -> Iterator[str]:
    """Yield the URL of a server whose certificate nobody trusts."""

    class Handshake(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                context.wrap_socket(self.request, server_side=True).close()

    context = self_signed(folder)
    with socketserver.TCPServer(("127.0.0.1", 0), Handshake) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def run(*arguments: str, number: str = PHONE) -> str:
    """Return everything that the command has printed."""
    printed = StringIO()
    call_command(
        "send_test_sms", number, *arguments, stdout=printed, stderr=printed, no_color=True
    )
    return printed.getvalue()


def failure(*arguments: str, number: str = PHONE) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments, number=number)
    assert caught.value.returncode == 1
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


# What it sends


def test_it_sends_a_message_that_says_it_is_a_test(twilio: FakeTwilio) -> None:
    printed = run()
    [request] = twilio.requests
    assert request.form["To"] == PHONE
    assert request.form["Body"] == "This is a test message of localhost. It holds no code."
    assert f"Sending a test to {MASKED} by sms, backend 'default'." in printed
    assert re.search(r"The gateway took it in \d\.\d\d s\.", printed)
    assert MESSAGE_SID in printed


def test_it_prints_no_whole_number_and_logs_none(
    twilio: FakeTwilio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="django_sms_otp")
    printed = run() + failure("--backend", "Crashing")
    assert PHONE[1:] not in printed + caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.django_db
def test_nobody_can_redeem_it_and_nothing_is_counted(twilio: FakeTwilio) -> None:
    run("--backend", "locmem")
    assert outbox[-1].code == "000000"
    assert outbox[-1].purpose == "test"
    assert not OTPCode.objects.exists()
    assert not Limit.objects.exists()


def test_it_speaks_the_language_that_it_is_told(twilio: FakeTwilio) -> None:
    run("--backend", "locmem", "--language", "de")
    assert outbox[-1].language == "de"
    assert "'de'" in failure("--language", "dee")


def test_it_tells_who_sent_where_a_message_is_handed_on(twilio: FakeTwilio) -> None:
    printed = run("--backend", "Forwarding")
    assert "The gateway took it by 'twilio' in" in printed
    assert "(sms_otp.W999) Only one target." in printed
    assert "Name two." in printed


def test_it_tells_of_codes_that_the_gateway_makes(twilio: FakeTwilio) -> None:
    assert "a code of its own" in run("--backend", "OwnCodes")
    assert "a code of its own" not in run()


def test_it_tells_of_a_backend_that_reaches_no_phone(twilio: FakeTwilio) -> None:
    printed = run("--backend", "locmem")
    assert "'locmem' is for development" in printed
    assert "This backend is for development: it reaches no phone." in printed
    assert "the phone will tell" not in printed
    printed = run()
    assert "development" not in printed
    assert "Look at the phone to see whether it arrives." in printed


@pytest.mark.parametrize("delivery", ["tasks", "celery"])
def test_it_tells_that_workers_send_the_codes(twilio: FakeTwilio, delivery: str) -> None:
    with override_sms_otp(DELIVERY=delivery):
        printed = run()
    assert f"SMS_OTP['DELIVERY'] is '{delivery}': workers send the codes." in printed
    assert len(twilio.requests) == 1


# A configuration that is wrong


def test_a_backend_that_cannot_be_made_is_told(twilio: FakeTwilio) -> None:
    with override_settings(SMS_OTP_BACKENDS=entries(twilio.base_url, form_number="+1")):
        text = failure()
    assert "SMS_OTP_BACKENDS['default']: unknown option 'form_number'" in text
    assert "Did you mean 'from_number'?" in text


def test_an_alias_that_there_is_not_is_told(twilio: FakeTwilio) -> None:
    assert "Did you mean 'twilio'?" in failure("--backend", "twillio")
    assert "There are: default, twilio, webhook, locmem, " in failure("--backend", "xyz")


def test_broken_settings_are_told(twilio: FakeTwilio) -> None:
    with override_sms_otp(CHANELS={}):
        assert "Did you mean 'CHANNELS'?" in failure()


def test_a_channel_that_the_site_does_not_offer_is_told(twilio: FakeTwilio) -> None:
    text = failure("--channel", "whatsapp")
    assert "SMS_OTP['CHANNELS'] does not offer 'whatsapp'" in text
    assert "one of these channels: sms" in text


def test_a_channel_that_the_backend_does_not_serve_is_told(twilio: FakeTwilio) -> None:
    text = failure("--channel", "voice", "--backend", "OwnCodes")
    assert "'OwnCodes' does not send by voice: it sends sms." in text


@pytest.mark.parametrize(
    ("number", "code"),
    [("hello", "invalid_phone_number"), ("+33612345678", "region_not_supported")],
)
def test_a_number_that_the_settings_refuse_is_told(
    twilio: FakeTwilio, number: str, code: str
) -> None:
    with override_sms_otp(ALLOWED_REGIONS=["US"]):
        assert f"SMS_OTP lets no message go to this number: {code}." in failure(number=number)
    assert twilio.requests == []


# A gateway that does not take it


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (
            refusal(401, 20003),
            ["Not sent (", "until the configuration", "credentials", "20003"],
        ),
        (refusal(400, 21608), ["Not sent (", "trial", f"{DOCS}/21608"]),
        (refusal(400, 21611), ["Not sent (", "Try again in 60 s", f"{DOCS}/21611"]),
        (refusal(400, 572005), ["Not sent (", "trial", f"{DOCS}/572005"]),
        (refusal(400, 99999), ["s): Twilio: The gateway refused", f"{DOCS}/99999"]),
        (refusal(400, None), ["Not sent (", "The gateway refused the message"]),
        (
            refusal(400, 21610),
            ["refuses this number", "'recipient_opted_out'; try another number", "START"],
        ),
        (refusal(400, 21408), ["'region_not_supported'; mend the account", "Enable it"]),
        (
            refusal(400, 30450),
            ["for fraud", "as if it had been sent", "blocks it"],
        ),
        (refusal(500, None), ["Nobody knows", "before you try again", "code: 500."]),
        (Answer(hangs_up=True), ["Nobody knows", "before you try again"]),
        (accepted(sid=""), ["Nobody knows", "cannot be read"]),
    ],
    ids=lambda each: str(each)[:40],
)
def test_what_the_gateway_says_is_explained(
    twilio: FakeTwilio, answer: Answer, parts: list[str]
) -> None:
    twilio.answers(answer)
    text = failure()
    assert [each for each in parts if each not in text] == []
    assert re.search(r"\(backend 'default', \d\.\d\d s\): ", text)
    assert text.count("Try again") <= 1
    assert "Nothing was reached" not in text
    assert len(twilio.requests) == 1


def test_a_slow_gateway_is_told_with_the_time_that_it_took(twilio: FakeTwilio) -> None:
    twilio.answers(accepted(delay=30))
    with override_settings(SMS_OTP_BACKENDS=entries(twilio.base_url, timeout=0.25)):
        text = failure()
    took = re.search(r"knows whether it was sent \(backend 'default', (\d+\.\d\d) s", text)
    assert took
    assert float(took[1]) >= 0.2


@pytest.mark.parametrize("alias", ["twilio", "webhook"])
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nobody", "The gateway cannot be reached."),
        ("https://nowhere.invalid", "The name of the gateway's host is unknown."),
        ("untrusted", "The gateway's certificate is wrong or not trusted, or TLS fails."),
    ],
)
def test_a_gateway_that_is_out_of_reach_is_told(
    address: str, why: str, alias: str, tmp_path: Path
) -> None:
    with untrusted_server(tmp_path) as untrusted:
        url = {"nobody": unreachable(), "untrusted": untrusted}.get(address, address)
        with override_settings(SMS_OTP_BACKENDS=entries(url)):
            text = failure("--backend", alias)
    assert text.startswith(f"Not sent (backend '{alias}', ")
    first, step, _code = text.splitlines()
    assert first.endswith(f"): {why}")
    assert step == "Nothing was reached. Compare url, base_url, region and edge."


def test_a_time_out_after_the_connection_is_not_taken_for_nothing_reached() -> None:
    error = DeliveryUnknown("Late.", error_code="TimeoutError")
    error.alias = "locmem"
    with override_settings(SMS_OTP_BACKENDS=entries(unreachable())):
        assert "Nothing was reached" not in explain_failure(error)


def test_the_target_that_failed_is_named(twilio: FakeTwilio) -> None:
    twilio.answers(refusal(401, 20003))
    text = failure("--backend", "Forwarding")
    assert "(backend 'twilio', " in text
    assert "before" not in text
    assert f"{DOCS}/20003" in text


# One that hands messages on


@pytest.fixture
def pair() -> Iterator[dict[str, FakeTwilio]]:
    """Set up two gateways behind a failover and a routing; the first refuses the site."""
    with gateways("first", "second") as found:
        found["first"].answers(refusal(401, 20003))
        strict = {"failures": 1, "open_for": 60}
        # As good as always the first, as long as its circuit is not looked at.
        routes = [{"regions": None, "aliases": {"first": 10**6, "second": 1}}]
        backends = {
            "default": composite("failover", aliases=["first", "second"], **strict),
            "routing": composite("routing", routes=routes, **strict),
            **gateway_entries(found),
        }
        with override_settings(SMS_OTP_BACKENDS=backends):
            yield found


@pytest.mark.django_db
def test_who_failed_before_another_took_it_is_told(pair: dict[str, FakeTwilio]) -> None:
    printed = run()
    failed = r"'first' failed before: not_sent, 20003 \(\d\.\d\d s\)\.\n"
    assert re.search(failed + r"The gateway took it by 'second' in", printed)
    assert "'second' failed" not in printed
    pair["second"].answers(refusal(400, 21612))
    text = failure()
    assert text.startswith("Not sent (backend 'second', ")


@pytest.mark.django_db
def test_it_opens_no_circuit(pair: dict[str, FakeTwilio]) -> None:
    run()
    assert "(backend 'first', " in failure("--backend", "routing")
    assert not Limit.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [[], ["--backend", "routing"]], ids=str)
def test_it_asks_those_whose_circuit_is_open_and_closes_none(
    pair: dict[str, FakeTwilio], arguments: list[str]
) -> None:
    circuits.note_failure("first", CircuitPolicy(failures=1))
    before = Limit.objects.values().get()
    pair["first"].answers(accepted())
    printed = run(*arguments)
    assert "The gateway took it by 'first'" in printed
    assert pair["second"].requests == []
    assert Limit.objects.values().get() == before


# Errors of its own


def test_an_error_in_a_backend_is_told(twilio: FakeTwilio) -> None:
    text = failure("--backend", "Crashing")
    assert "The backend failed with ZeroDivisionError." in text
    assert DOCS not in text
