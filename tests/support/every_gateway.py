"""An entry for each backend that asks a gateway, by the address of the gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from . import fake_verify
from .gateways import twilio_entry

__all__ = ["ENTRIES"]


def entry(kind: str, **options: Any) -> dict[str, Any]:
    return {"BACKEND": f"django_sms_otp.backends.{kind}.SMSBackend", "OPTIONS": options}


def apprise(url: str) -> dict[str, Any]:
    scheme, _, host = url.partition("://")
    secure = "s" if scheme == "https" else ""
    return entry("apprise", url=f"smseagle{secure}://token@{host}/{{to}}?verify=no")


def verify(url: str) -> dict[str, Any]:
    return fake_verify.backend(url, custom_codes=True)


ENTRIES: Mapping[str, Callable[[str], dict[str, Any]]] = MappingProxyType(
    {
        "apprise": apprise,
        "aws": lambda url: entry("aws", endpoint_url=url, region="eu-central-1"),
        "twilio": twilio_entry,
        "verify": verify,
        "webhook": lambda url: entry("webhook", url=url, secret="s" * 32),
    }
)
