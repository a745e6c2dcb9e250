"""Counts in the registry of ``prometheus_client``. The site exposes it."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from ..measures import INSTRUMENTS, Collector, Instrument

__all__ = ["PrometheusCollector", "site_collector"]


class PrometheusCollector(Collector):
    """Counts over several processes too: ``prometheus_client`` keeps the values in files
    (``PROMETHEUS_MULTIPROC_DIR``)."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._metrics = {each.name: _metric(each, registry) for each in INSTRUMENTS}

    def record(self, instrument: Instrument, value: float = 1, **labels: str) -> None:
        metric = self._metrics[instrument.name].labels(**labels)
        if isinstance(metric, Histogram):
            metric.observe(value)
        else:
            metric.inc(value)


@cache
def site_collector() -> PrometheusCollector:
    """Return the collector of the default registry.

    The registry takes no name twice, but Django makes all apps again if a test changes
    ``INSTALLED_APPS``.
    """
    return PrometheusCollector()


def _metric(instrument: Instrument, registry: CollectorRegistry) -> Counter | Histogram:
    # The same names as OpenTelemetry exports to Prometheus. The client adds "_total" itself.
    name = instrument.name.replace(".", "_")
    description, labels = instrument.description, instrument.labels
    if instrument.buckets:
        buckets = instrument.buckets
        return Histogram(
            f"{name}_seconds", description, labels, buckets=buckets, registry=registry
        )
    return Counter(name, description, labels, registry=registry)
