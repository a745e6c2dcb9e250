"""What a site may set, and what is wrong with what it set."""

from .settings import (
    DEFAULT_ALIAS,
    Breaker,
    Budget,
    Settings,
    backend_aliases,
    backend_config,
    get_settings,
    load_class,
    secret_keys,
)

__all__ = [
    "DEFAULT_ALIAS",
    "Breaker",
    "Budget",
    "Settings",
    "backend_aliases",
    "backend_config",
    "get_settings",
    "load_class",
    "secret_keys",
]
