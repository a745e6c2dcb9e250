"""Counts in the registry of ``prometheus_client``, whatever it is shown by."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from ..measures import INSTRUMENTS, Instrument, Observation

__all__ = ["PrometheusCollector", "site_collector"]


class PrometheusCollector:
    """Works with several processes too: ``prometheus_client`` then keeps its values in files
    (``PROMETHEUS_MULTIPROC_DIR``)."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._metrics = {each.name: _metric(each, registry) for each in INSTRUMENTS}

    def record(self, observation: Observation) -> None:
        metric = self._metrics[observation.instrument.name].labels(**observation.labels)
        if isinstance(metric, Histogram):
            metric.observe(observation.value)
        else:
            metric.inc(observation.value)


@cache
def site_collector() -> PrometheusCollector:
    """Return the one of the default registry, which takes no name twice: apps are made anew
    where a test changes ``INSTALLED_APPS``."""
    return PrometheusCollector()


def _metric(instrument: Instrument, registry: CollectorRegistry) -> Counter | Histogram:
    # As OpenTelemetry's own translation has it; prometheus_client itself adds "_total".
    name = instrument.name.replace(".", "_")
    description, labels = instrument.description, instrument.labels
    if instrument.buckets:
        buckets = instrument.buckets
        return Histogram(
            f"{name}_seconds", description, labels, buckets=buckets, registry=registry
        )
    return Counter(name, description, labels, registry=registry)
