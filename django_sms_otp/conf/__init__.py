"""What a site may set, and what is wrong with what it set."""

from .backends import DEFAULT_ALIAS, backend_aliases, backend_config
from .prices import price_of
from .settings import Breaker, Budget, Settings, get_settings, load_class, secret_keys

__all__ = [
    "DEFAULT_ALIAS",
    "Breaker",
    "Budget",
    "Settings",
    "backend_aliases",
    "backend_config",
    "get_settings",
    "load_class",
    "price_of",
    "secret_keys",
]
