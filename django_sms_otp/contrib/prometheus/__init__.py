"""Metrics for Prometheus (extra ``prometheus``): add this app to ``INSTALLED_APPS``."""
