"""Counts with the meter provider of the site."""

from __future__ import annotations

from opentelemetry.metrics import Counter, Histogram, Meter, MeterProvider, get_meter

from ... import __version__
from ..measures import INSTRUMENTS, Collector, Instrument

__all__ = ["OpenTelemetryCollector"]


class OpenTelemetryCollector(Collector):
    """
    :param provider: ``None`` for that of the site, which may set it later.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        meter = get_meter("django_sms_otp", __version__, provider)
        self._instruments = {each.name: _instrument(each, meter) for each in INSTRUMENTS}

    def record(self, instrument: Instrument, value: float = 1, **labels: str) -> None:
        meter = self._instruments[instrument.name]
        if isinstance(meter, Histogram):
            meter.record(value, labels)
        else:
            meter.add(value, labels)


def _instrument(instrument: Instrument, meter: Meter) -> Counter | Histogram:
    if instrument.buckets:
        return meter.create_histogram(
            instrument.name,
            unit="s",
            description=instrument.description,
            explicit_bucket_boundaries_advisory=instrument.buckets,
        )
    return meter.create_counter(instrument.name, description=instrument.description)
