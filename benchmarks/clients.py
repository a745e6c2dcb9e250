"""Requests over HTTP to the loopback address, each by a connection of its own."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .sites.base import Post, Visitor

__all__ = ["Answer", "send"]

PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    :param seconds: from the connection to the end of the answer.
    """

    post: Post
    status: int
    content: bytes
    seconds: float

    @property
    def body(self) -> Mapping[str, Any]:
        body: Mapping[str, Any] = json.loads(self.content)
        return body

    def as_expected(self) -> Answer:
        """Return this answer.

        :raises RuntimeError: its status is not the expected one.
        """
        if self.status != self.post.expected:
            raise RuntimeError(f"{self.post}: answered {self.status} {self.content!r}")
        return self


def send(port: int, post: Post, visitor: Visitor) -> Answer:
    """Post JSON, as a proxy in front of the site hands it on for a visitor."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "X-Forwarded-For": visitor.address,
        **post.headers,
    }
    start = time.perf_counter()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    client.request("POST", post.path, json.dumps(post.body), headers)
    response = client.getresponse()
    content = response.read()
    client.close()
    seconds = time.perf_counter() - start
    return Answer(post=post, status=response.status, content=content, seconds=seconds)
