"""The caches that can hold limits, and the clients of their servers.

A site installs the client that its cache uses: ``redis`` or ``valkey``.
"""

from __future__ import annotations

import functools
import re
import sys
from importlib.util import find_spec
from typing import Any

from django.conf import settings as django_settings
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from ...conf.validators import did_you_mean

__all__ = ["full_key", "lacks_time_out", "problem_of", "raw_client", "store_errors"]

DJANGO_CACHE = "django.core.cache.backends.redis.RedisCache"
KNOWN_CACHES = {
    DJANGO_CACHE,
    "django_redis.cache.RedisCache",
    "django_valkey.cache.ValkeyCache",
    "django_valkey.cluster_cache.cache.ClusterValkeyCache",
}
"""These caches and their subclasses. Any other cache may lose counts between processes."""

SHARDED_CLIENT = "ShardClient"
"""A client of django-redis and django-valkey. A script cannot run on several servers."""

MOST_CONNECTIONS = 10_000
"""Allows a connection for each thread. The client's default bound would refuse requests."""

CACHE_OPTIONS = frozenset({"serializer", "pool_class", "parser_class"})
"""Options of Django's cache that its connections do not take."""

CLIENT_ERRORS = (
    ("redis.exceptions", "RedisError"),
    ("redis.exceptions", "RedisClusterException"),
    ("valkey.exceptions", "ValkeyError"),
    ("valkey.exceptions", "ValkeyClusterException"),
)


def problem_of(alias: str) -> str | None:
    """Return why a cache cannot hold limits, and what to do, or ``None`` if it can."""
    if alias not in django_settings.CACHES:
        return f"CACHES has no {alias!r}.{did_you_mean(alias, django_settings.CACHES)}"
    config = django_settings.CACHES[alias]
    backend, client = config.get("BACKEND", ""), config.get("OPTIONS", {}).get("CLIENT_CLASS")
    try:
        classes = import_string(backend).__mro__
        client_classes = import_string(client).__mro__ if client else ()
    except ImportError as error:
        return f"CACHES[{alias!r}] cannot be imported: {error}."
    if KNOWN_CACHES.isdisjoint(f"{each.__module__}.{each.__name__}" for each in classes):
        return (
            f"CACHES[{alias!r}] is {backend}, which does not count exactly over "
            f"processes and hosts. Use {DJANGO_CACHE}, django-redis or django-valkey."
        )
    if RedisCache in classes and find_spec("redis") is None:
        return f"CACHES[{alias!r}] needs a package: pip install 'django-sms-otp[redis]'."
    if any(each.__name__ == SHARDED_CLIENT for each in client_classes):
        return f"CACHES[{alias!r}] uses {SHARDED_CLIENT}: name a cache that is on one server."
    return None


def lacks_time_out(alias: str) -> bool:
    """Return whether nothing in ``CACHES`` bounds how long an answer may take."""
    config = django_settings.CACHES[alias]
    options = config.get("OPTIONS", {})
    nested = ("CONNECTION_POOL_KWARGS", "BASE_CLIENT_KWARGS")
    given = [options, *(options.get(name) or {} for name in nested)]
    # By default socket_timeout bounds connecting, too.
    return "socket_timeout=" not in str(config.get("LOCATION", "")) and not any(
        name.lower() == "socket_timeout" and value
        for each in given
        for name, value in each.items()
    )


def raw_client(alias: str) -> Any:
    """Return the client of the server that takes the writes. Replicas lag behind."""
    cache: Any = caches[alias]
    if isinstance(cache, RedisCache):
        return _new_client(alias)
    return cache.client.get_client(write=True)


def full_key(alias: str, key: str) -> str:
    """Return a key with the prefix of the cache. Sites may share a server."""
    cache: Any = caches[alias]
    # Before version 0.4, the cache of django-valkey has no make_key(), but its client does.
    return str((cache if isinstance(cache, RedisCache) else cache.client).make_key(key))


@functools.cache
def _new_client(alias: str) -> Any:
    """Return a client with the options of a cache. Django's cache does not publish its own."""
    from redis import Redis

    config = django_settings.CACHES[alias]
    location = config["LOCATION"]
    servers = re.split("[;,]", location) if isinstance(location, str) else location
    options = config.get("OPTIONS", {})
    given = {name: options[name] for name in options.keys() - CACHE_OPTIONS}
    return Redis.from_url(servers[0], **{"max_connections": MOST_CONNECTIONS, **given})


@receiver(setting_changed)
def _forget_clients(*, setting: str, **_others: object) -> None:
    if setting == "CACHES":
        _new_client.cache_clear()


def store_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the clients that are loaded."""
    loaded = [(sys.modules.get(module), name) for module, name in CLIENT_ERRORS]
    return (OSError, *(getattr(module, name) for module, name in loaded if module))
