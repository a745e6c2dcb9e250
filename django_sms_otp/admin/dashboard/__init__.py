"""The dashboard: what the hourly counts say about a span of days, as charts and tables."""

from .page import dashboard_urls

__all__ = ["dashboard_urls"]
