"""The SDK's HTTP client, made to hold against answers that have no end.

The SDK reads an answer whole, and its time-out is one of silence: a gateway, or what sits in
its place, could fill the memory, or hold a worker by sending a byte now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from requests import ConnectTimeout, PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from twilio.http.http_client import TwilioHttpClient

from ..transport import deadline
from ..transport.timed_connections import timed_pools

__all__ = ["EndlessAnswer", "make_http_client"]

LARGEST_ANSWER = 64 * 1024
"""Bytes. Twilio's own have less than two thousand."""


class EndlessAnswer(RequestException):
    """The body was longer than any answer of Twilio's."""


def make_http_client() -> TwilioHttpClient:
    """Return a client whose requests end by the deadline of :func:`.deadline.within`. Proxies
    are those of the environment."""
    client = TwilioHttpClient()
    adapter = _TimedAdapter()
    for scheme in ("https://", "http://"):
        client.session.mount(scheme, adapter)
    return client


class _TimedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _time(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        # One of SOCKS connects by means of its own. Its time-outs are those of requests.
        if not proxy.lower().startswith("socks"):
            _time(manager)
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        try:
            kwargs["timeout"] = deadline.current().left()
        except TimeoutError:
            raise ConnectTimeout(request=request) from None
        return super().send(request, *args, **kwargs)

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = super().build_response(req, resp)
        response.raw = _BoundedBody(response.raw)
        return response


def _time(manager: Any) -> None:
    manager.pool_classes_by_scheme = timed_pools(manager.pool_classes_by_scheme)


class _BoundedBody:
    """The body of an answer, as ``requests`` reads it."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def stream(self, amt: int, **kwargs: Any) -> Iterator[bytes]:
        size = 0
        while chunk := self._body.read(amt, **kwargs):
            size += len(chunk)
            if size > LARGEST_ANSWER:
                # Not released: what is still to come must not be the next request's answer.
                self._body.close()
                raise EndlessAnswer
            yield chunk
