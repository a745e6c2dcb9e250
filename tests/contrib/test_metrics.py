"""What is measured: the same by either collector, bounded, and added up over processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from django_sms_otp import services, signals
from django_sms_otp.contrib.measures import INSTRUMENTS, SIGNALS, Collector, Instrument
from django_sms_otp.contrib.opentelemetry.collector import OpenTelemetryCollector
from django_sms_otp.contrib.prometheus.collector import PrometheusCollector
from django_sms_otp.exceptions import NotDelivered, PhoneNumberError
from django_sms_otp.models import DeliveryState, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE, wrong
from ..support.factories import OTPCodeFactory
from ..support.server import Server
from ..test_logs import FailingBackend

LANDLINE = "+442079460958"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Meters:
    """Both collectors, and what each has counted: by name and labels."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])

    def connect(self) -> None:
        PrometheusCollector(self.registry).connect("tests.prometheus")
        OpenTelemetryCollector(self.provider).connect("tests.opentelemetry")

    @property
    def prometheus(self) -> Samples:
        return samples_of(self.registry)

    @property
    def opentelemetry(self) -> Samples:
        data = self.reader.get_metrics_data()
        assert data is not None
        found: Samples = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            name = metric.name.replace(".", "_")
            for point in metric.data.data_points:
                attributes = dict(point.attributes or {}).items()
                labels = tuple(sorted((key, str(value)) for key, value in attributes))
                if isinstance(point, HistogramDataPoint):
                    found[f"{name}_seconds_count", labels] = point.count
                    found[f"{name}_seconds_sum", labels] = point.sum
                    assert point.explicit_bounds == buckets_of(metric.name)
                else:
                    assert isinstance(point, NumberDataPoint)
                    found[f"{name}_total", labels] = point.value
        return found


def buckets_of(name: str) -> tuple[float, ...]:
    [instrument] = [each for each in INSTRUMENTS if each.name == name]
    return instrument.buckets


def samples_of(registry: CollectorRegistry) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith(("_bucket", "_created"))
    }


def counted(samples: Samples, name: str) -> dict[str, float]:
    """Return the values of one name, by those of its labels in the order of their names."""
    return {
        " ".join(value for _, value in labels): count
        for (each, labels), count in samples.items()
        if each == name
    }


@pytest.fixture
def meters(db: None) -> Iterator[Meters]:
    meters = Meters()
    meters.connect()
    yield meters
    for name in SIGNALS:
        signal = getattr(signals, name)
        signal.disconnect(dispatch_uid="tests.prometheus")
        signal.disconnect(dispatch_uid="tests.opentelemetry")
    meters.provider.shutdown()


def ask(text: str = PHONE, channel: str = "sms") -> None:
    number = services.read_phone_number(text, to_send=True, channel=channel)
    services.request_code(number, channel=channel)


def guess(code: str) -> None:
    services.redeem_code(code, phone_number=parse_phone_number(PHONE))


def sent_code() -> str:
    return outbox[-1].code or ""


# What is counted


def test_a_login_is_counted(meters: Meters) -> None:
    ask()
    ask()
    guess(wrong(sent_code()))
    guess(sent_code())
    samples = meters.prometheus
    assert counted(samples, "sms_otp_requests_total") == {
        "sms accepted US": 1,
        "sms cooldown US": 1,
    }
    assert counted(samples, "sms_otp_controls_total") == {"refused cooldown": 1}
    assert counted(samples, "sms_otp_gateway_calls_total") == {"default sms sent": 1}
    assert counted(samples, "sms_otp_gateway_call_duration_seconds_count") == {
        "default sent": 1
    }
    assert counted(samples, "sms_otp_codes_redeemed_total") == {"sms US": 1}
    assert counted(samples, "sms_otp_codes_rejected_total") == {"invalid_code": 1}


def test_a_gateway_that_fails_is_counted(
    meters: Meters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FailingBackend, "error", NotDelivered("Down.", error_code="30001"))
    entry = {"BACKEND": "tests.test_logs.FailingBackend"}
    with override_settings(SMS_OTP_BACKENDS={"default": entry}):
        ask()
    samples = meters.prometheus
    assert counted(samples, "sms_otp_gateway_calls_total") == {"default sms not_sent": 1}
    assert counted(samples, "sms_otp_requests_total") == {"sms delivery_failed US": 1}
    [duration] = counted(samples, "sms_otp_gateway_call_duration_seconds_sum").values()
    assert 0 < duration < 1


@pytest.mark.parametrize(
    ("text", "outcome", "control"),
    [
        ("hello", "sms invalid_phone_number ", None),
        ("+19002345678", "sms phone_number_not_sms_capable US", "number_type"),
        ("+33612345678", "sms region_not_supported FR", "region"),
    ],
)
def test_a_number_that_is_not_sent_to_is_counted(
    meters: Meters, text: str, outcome: str, control: str | None
) -> None:
    with override_sms_otp(ALLOWED_REGIONS=["US"]), pytest.raises(PhoneNumberError):
        ask(text)
    samples = meters.prometheus
    assert counted(samples, "sms_otp_requests_total") == {outcome: 1}
    expected = {f"refused {control}": 1} if control else {}
    assert counted(samples, "sms_otp_controls_total") == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"UNKNOWN_NUMBERS": "ignore"}, {"withheld unknown_number": 2}),
        (
            {
                "REFUSED_NUMBER_TYPES": ["FIXED_LINE"],
                "CONTROL_MODES": {"number_type": "record"},
            },
            {"recorded number_type": 1},
        ),
        (
            {"LIMITS": {"site": "1/h"}, "CONTROL_MODES": {"site": "record"}},
            {"recorded site": 1},
        ),
    ],
)
def test_what_controls_withhold_and_record_is_counted(
    meters: Meters, policy: dict[str, Any], expected: dict[str, float]
) -> None:
    with override_sms_otp(**policy):
        services.request_code(parse_phone_number("+447400123456"))
        ask(LANDLINE)
    samples = meters.prometheus
    assert counted(samples, "sms_otp_controls_total") == expected
    outcome = "withheld" if "UNKNOWN_NUMBERS" in policy else "accepted"
    assert counted(samples, "sms_otp_requests_total") == {f"sms {outcome} GB": 2}


def test_receipts_and_circuits_are_counted(meters: Meters) -> None:
    now = timezone.now()
    arrived = {"sent_at": now, "delivered_at": now + timedelta(seconds=7)}
    for state, times in (
        (DeliveryState.SENT, {}),
        (DeliveryState.DELIVERED, arrived),
        (DeliveryState.UNDELIVERED, {}),
    ):
        row = OTPCodeFactory.build(delivery_state=state, backend="main", **times)
        signals.delivery_updated.send(OTPCode, otp_code=row, receipt=object())
    signals.circuit_opened.send(OTPCode, alias="main", until=now)
    signals.circuit_closed.send(OTPCode, alias="main")
    samples = meters.prometheus
    assert counted(samples, "sms_otp_receipts_total") == {
        "main sms delivered": 1,
        "main sms undelivered": 1,
    }
    assert counted(samples, "sms_otp_delivery_duration_seconds_sum") == {"main sms": 7}
    assert counted(samples, "sms_otp_circuit_changes_total") == {
        "main opened": 1,
        "main closed": 1,
    }


# By whom


def test_both_collectors_count_the_same(meters: Meters) -> None:
    now = timezone.now()
    row = OTPCodeFactory.build(
        delivery_state=DeliveryState.DELIVERED, sent_at=now, delivered_at=now
    )
    signals.delivery_updated.send(OTPCode, otp_code=row)
    signals.circuit_opened.send(OTPCode, alias="main")
    ask()
    ask()
    guess(wrong(sent_code()))
    guess(sent_code())
    assert meters.prometheus == meters.opentelemetry
    names = {name.rsplit("_", 1)[0] for name, _ in meters.prometheus}
    assert len(names) == len(INSTRUMENTS), "an instrument that nothing was counted by"


def test_no_label_tells_of_a_person(meters: Meters) -> None:
    ask()
    code = OTPCode.objects.get()
    guess(wrong(sent_code()))
    guess(sent_code())
    page = generate_latest(meters.registry).decode()
    assert 'region="US"' in page
    for secret in (PHONE[1:], "71", str(code.pk), code.pk.hex, sent_code()):
        assert f'"{secret}"' not in page
        assert len(secret) < 6 or secret not in page


def test_a_second_collector_of_a_name_takes_the_place_of_the_first(meters: Meters) -> None:
    registry = CollectorRegistry()
    PrometheusCollector(registry).connect("tests.prometheus")
    ask()
    assert counted(samples_of(registry), "sms_otp_requests_total") == {"sms accepted US": 1}
    assert counted(meters.prometheus, "sms_otp_requests_total") == {}


def test_a_collector_that_fails_harms_no_login(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Collector):
        def record(self, instrument: Instrument, value: float = 1, **labels: str) -> None:
            raise ZeroDivisionError

    Broken().connect("tests.broken")
    try:
        ask()
        guess(sent_code())
    finally:
        for name in SIGNALS:
            getattr(signals, name).disconnect(dispatch_uid="tests.broken")
    assert OTPCode.objects.get().redeemed_at is not None
    assert "ZeroDivisionError" in caplog.text


# In processes


@pytest.mark.slow
def test_counts_of_all_processes_of_a_server_add_up(
    transactional_db: None, tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.support.metrics_settings",
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
    }
    # A worker a few requests: those that are gone count too.
    options = ("--workers=2", "--max-requests=5")
    with Server(tmp_path, options=options, variables=variables) as server:
        phones = [f"+1415555{number:04}" for number in range(2671, 2691)]
        answers = [server.post("get-code", phone_number=phone).status for phone in phones]
        assert answers == [202] * len(phones)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    samples = samples_of(registry)
    assert counted(samples, "sms_otp_gateway_calls_total") == {"default sms sent": 20}
    assert counted(samples, "sms_otp_gateway_call_duration_seconds_count") == {
        "default sent": 20
    }
    assert len({path.stem.split("_")[-1] for path in folder.glob("counter_*.db")}) > 2


SITE = """
import sys
from django.conf import settings
{before}
settings.configure(
    USE_TZ=True,
    SECRET_KEY="k" * 50,
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.admin",
        "django.contrib.messages", "rest_framework", "django_sms_otp", {apps}
    ],
)
import django
django.setup()
import django_sms_otp.urls, django_sms_otp.services, django_sms_otp.admin
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
{after}
"""


def start(*apps: str, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    program = SITE.format(before=before, apps=", ".join(map(repr, apps)), after=after)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


EXTRAS = {"prometheus": "prometheus_client", "opentelemetry": "opentelemetry"}


def test_nobody_imports_what_a_site_has_not_asked_for() -> None:
    result = start()
    assert "django_sms_otp" in result.stdout, result.stderr
    assert not set(EXTRAS.values()) & set(result.stdout.split())


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_app_of_an_extra_starts_and_starts_again(extra: str) -> None:
    """Tests of a site make apps anew where they change ``INSTALLED_APPS``."""
    result = start(f"django_sms_otp.contrib.{extra}", after=AGAIN)
    assert EXTRAS[extra] in result.stdout.split(), result.stderr
    assert result.stdout.endswith("again\n"), result.stderr
    assert result.stderr == ""


AGAIN = """
from django.test import override_settings
with override_settings(INSTALLED_APPS=list(settings.INSTALLED_APPS)):
    print("again")
"""


LATER = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from django_sms_otp.signals import code_rejected
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
code_rejected.send(None, reason="invalid_code")
print(reader.get_metrics_data().to_json())
"""


def test_a_meter_provider_may_be_set_later() -> None:
    result = start("django_sms_otp.contrib.opentelemetry", after=AGAIN + LATER)
    assert "sms_otp.codes_rejected" in result.stdout, result.stderr
    assert '"value": 1' in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_package_is_named_with_its_extra(extra: str) -> None:
    before = f"sys.modules[{EXTRAS[extra]!r}] = None"
    result = start(f"django_sms_otp.contrib.{extra}", before=before)
    assert result.returncode == 1
    assert f"pip install 'django-sms-otp[{extra}]'" in result.stderr.splitlines()[-1]
    assert "InvalidSettings" in result.stderr
