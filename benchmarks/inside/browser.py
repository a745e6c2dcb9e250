"""Requests to the site in this process, through Django's test client: no HTTP."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from ..sites.base import Post, Visitor

__all__ = ["Asking", "ask"]


class Asking:
    """One request, ready to be called once."""

    def __init__(self, post: Post, visitor: Visitor) -> None:
        self._post, self._body = post, json.dumps(post.body)
        names = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in post.headers}
        headers = {names[name]: value for name, value in post.headers.items()}
        # A client keeps cookies, so each request has its own.
        self._client = Client(
            HTTP_ACCEPT="application/json",
            HTTP_X_FORWARDED_FOR=visitor.address,
            **headers,  # type: ignore[arg-type]
        )
        # Otherwise the first request would do it, which no request to a real site does.
        self._client.handler.load_middleware()

    def __call__(self) -> None:
        self._answer: Any = self._client.post(
            self._post.path, self._body, content_type="application/json"
        )

    def answer(self) -> dict[str, Any]:
        """Return the JSON that was answered.

        :raises RuntimeError: the status is not the one expected.
        """
        status, content = self._answer.status_code, self._answer.content
        if status != self._post.expected:
            raise RuntimeError(f"{self._post}: answered {status} {content!r}")
        answer: dict[str, Any] = json.loads(content)
        return answer


def ask(post: Post, visitor: Visitor) -> dict[str, Any]:
    asking = Asking(post, visitor)
    asking()
    return asking.answer()
