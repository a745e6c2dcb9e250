"""Counts with the meter provider of the site."""

from __future__ import annotations

from opentelemetry.metrics import Counter, Histogram, Meter, MeterProvider, get_meter

from ... import __version__
from ..measures import INSTRUMENTS, Instrument, Observation

__all__ = ["OpenTelemetryCollector"]


class OpenTelemetryCollector:
    """
    :param provider: ``None`` for that of the site, which may set it later.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        meter = get_meter("django_sms_otp", __version__, provider)
        self._instruments = {each.name: _instrument(each, meter) for each in INSTRUMENTS}

    def record(self, observation: Observation) -> None:
        instrument = self._instruments[observation.instrument.name]
        if isinstance(instrument, Histogram):
            instrument.record(observation.value, observation.labels)
        else:
            instrument.add(observation.value, observation.labels)


def _instrument(instrument: Instrument, meter: Meter) -> Counter | Histogram:
    if instrument.buckets:
        return meter.create_histogram(
            instrument.name,
            unit="s",
            description=instrument.description,
            explicit_bucket_boundaries_advisory=instrument.buckets,
        )
    return meter.create_counter(instrument.name, description=instrument.description)
