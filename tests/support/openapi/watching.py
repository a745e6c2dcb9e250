"""Has Django's test clients show each answer of the app's endpoints to the judge."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import Http404
from django.test import AsyncClient, Client
from django.utils.encoding import force_bytes

from .judge import Exchange, judge

APP_NAME = "sms_otp"
URL_NAME_OF_OTHER_GATEWAYS = "webhook"


def watch_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge what is answered to ``Client`` and ``AsyncClient``, and their subclasses."""
    for client in (Client, AsyncClient):
        monkeypatch.setattr(client, "generic", _watched(client.generic))


def _watched(generic: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(generic)
    def watched(
        client: Any,
        method: str,
        path: str,
        data: Any = "",
        content_type: str = "application/octet-stream",
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        response = generic(client, method, path, data, content_type, *args, **kwargs)
        seen = (method, path, data, content_type)
        if inspect.isawaitable(response):
            return _awaited(response, seen)
        _judge(response, *seen)
        return response

    return watched


async def _awaited(response: Any, seen: tuple[str, str, Any, str]) -> Any:
    answered = await response
    _judge(answered, *seen)
    return answered


def _judge(response: Any, method: str, path: str, data: Any, content_type: str) -> None:
    # OPTIONS, and pages for browsers, are REST framework's.
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if method == "OPTIONS" or (is_page and response.content) or not _is_ours(response):
        return
    judge(
        Exchange(
            method=method,
            path=urlsplit(path).path,
            content_type=content_type,
            body=force_bytes(data),
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            answer=response.content,
        )
    )


def _is_ours(response: Any) -> bool:
    try:
        match = response.resolver_match
        is_ours = APP_NAME in match.app_names
    except Http404:
        return False
    is_of_other_gateway = (
        match.url_name == URL_NAME_OF_OTHER_GATEWAYS and match.kwargs["gateway"] != "twilio"
    )
    return is_ours and not is_of_other_gateway
