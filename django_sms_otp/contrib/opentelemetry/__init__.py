"""Metrics for OpenTelemetry (extra ``opentelemetry``): add this app to ``INSTALLED_APPS``."""
