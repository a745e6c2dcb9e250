"""The caches that can hold limits, and the clients of their servers.

A site brings the client that its cache uses: ``redis`` or ``valkey``.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from django.conf import settings as django_settings
from django.core.cache import caches
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from ...conf.validators import did_you_mean

__all__ = ["full_key", "lacks_time_out", "problem_of", "raw_client", "store_errors"]

DJANGO = "django.core.cache.backends.redis.RedisCache"
KNOWN = (
    DJANGO,
    "django_redis.cache.RedisCache",
    "django_valkey.cache.ValkeyCache",
    "django_valkey.cluster_cache.cache.ClusterValkeyCache",
)
"""These and their subclasses. Any other may lose counts between processes."""

SHARDED = "ShardClient"
"""Of django-redis and django-valkey: one script cannot run on several servers."""

MOST_CONNECTIONS = 10_000
"""Of a process: as many as it has threads. The client's own bound would refuse requests."""

OF_THE_CACHE = frozenset({"serializer", "pool_class", "parser_class"})
"""Options of Django's cache that are none of its connections."""

ERRORS = (
    ("redis.exceptions", "RedisError"),
    ("redis.exceptions", "RedisClusterException"),
    ("valkey.exceptions", "ValkeyError"),
    ("valkey.exceptions", "ValkeyClusterException"),
)


def problem_of(alias: str) -> str | None:
    """Return why a cache cannot hold limits, and what to do; ``None``: it can."""
    if alias not in django_settings.CACHES:
        return f"CACHES has no {alias!r}.{did_you_mean(alias, django_settings.CACHES)}"
    config = django_settings.CACHES[alias]
    backend = config.get("BACKEND")
    try:
        names = list(_names(backend))
        client = list(_names(config.get("OPTIONS", {}).get("CLIENT_CLASS")))
    except ImportError as error:
        return f"CACHES[{alias!r}] cannot be imported: {error}."
    if not set(names) & set(KNOWN):
        return (
            f"CACHES[{alias!r}] is {backend}, which does not count exactly over "
            f"processes and hosts. Use {DJANGO}, django-redis or django-valkey."
        )
    if DJANGO in names and find_spec("redis") is None:
        return f"CACHES[{alias!r}] needs a package: pip install 'django-sms-otp[redis]'."
    if any(name.endswith(f".{SHARDED}") for name in client):
        return f"CACHES[{alias!r}] uses {SHARDED}: name a cache that is on one server."
    return None


def lacks_time_out(alias: str) -> bool:
    """Tell whether nothing in ``CACHES`` bounds how long an answer may take."""
    config = django_settings.CACHES[alias]
    options = config.get("OPTIONS", {})
    below = ("CONNECTION_POOL_KWARGS", "BASE_CLIENT_KWARGS")
    given = [options, *(options.get(name) or {} for name in below)]
    location = str(config.get("LOCATION", ""))
    # Without a time-out of its own, connecting takes this one.
    return "socket_timeout=" not in location and not any(
        _lowered(each).get("socket_timeout") for each in given
    )


def raw_client(alias: str) -> Any:
    """Return the client of the server that takes the writes: replicas lag behind."""
    cache: Any = caches[alias]
    if _is_djangos(cache):
        return _own_client(alias)
    return cache.client.get_client(write=True)


def full_key(alias: str, key: str) -> str:
    """Return a key with the prefix of the cache: sites may share a server."""
    cache: Any = caches[alias]
    # Before 0.4 django-valkey's has this method on its client alone.
    return str((cache if _is_djangos(cache) else cache.client).make_key(key))


@functools.cache
def _own_client(alias: str) -> Any:
    """Return a client with the options of a cache. Django's own cache lends its client to
    nobody."""
    from redis import Redis

    config = django_settings.CACHES[alias]
    location = config["LOCATION"]
    servers = re.split("[;,]", location) if isinstance(location, str) else location
    options = config.get("OPTIONS", {})
    ours = {name: options[name] for name in options.keys() - OF_THE_CACHE}
    return Redis.from_url(servers[0], **{"max_connections": MOST_CONNECTIONS, **ours})


@receiver(setting_changed)
def _forget_clients(*, setting: str, **_others: object) -> None:
    if setting == "CACHES":
        _own_client.cache_clear()


def store_errors() -> tuple[type[Exception], ...]:
    """Return what the clients raise, of those that are loaded."""
    loaded = [(sys.modules.get(module), name) for module, name in ERRORS]
    return (OSError, *(getattr(module, name) for module, name in loaded if module))


def _is_djangos(cache: Any) -> bool:
    return DJANGO in _names_of(type(cache))


def _names(path: Any) -> Iterator[str]:
    if path is None:
        return iter(())
    return _names_of(import_string(path) if isinstance(path, str) else path)


def _names_of(cls: type[Any]) -> Iterator[str]:
    return (f"{each.__module__}.{each.__qualname__}" for each in cls.__mro__)


def _lowered(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in options.items()}
