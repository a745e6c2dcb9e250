"""Logins over HTTP, by some clients at a time."""

from __future__ import annotations

import http.client
import json
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..sites.base import Post, Visitor
from .steps import Turns

__all__ = ["Load"]

PATIENCE = 120.0

Errand = tuple[Visitor, Post]
Done = Mapping[Visitor, tuple[float, Any]]
"""Seconds that a visitor's request took, and what was answered."""


class Load:
    """
    :param port: of a server on the loopback address.
    :param clients: that ask at a time; each waits for its answer.
    """

    def __init__(self, turns: Turns, port: int, clients: int) -> None:
        self._turns, self._port, self._clients = turns, port, clients
        self._known: list[Visitor] = []

    def welcome(self, count: int, seconds: float) -> None:
        """Let visitors log in for the first time, which also warms the server up.

        :param seconds: after which nobody asks for a code any more.
        """
        _, known = self._all_log_in(self._turns.strangers(count), seconds)
        self._known.extend(known)

    def logins(self, count: int) -> tuple[float, list[float]]:
        """Let so many of those log in again, each once.

        All ask for a code, and then all redeem theirs: in between the codes are found out, past
        the site, and nothing is measured.

        :return: how long it took, and each visitor's own seconds; nothing once all have come.
        """
        coming, self._known = self._known[:count], self._known[count:]
        passed, taken = self._all_log_in(coming, math.inf)
        return passed, list(taken.values())

    def _all_log_in(
        self, visitors: Sequence[Visitor], seconds: float
    ) -> tuple[float, dict[Visitor, float]]:
        site = self._turns.site
        asking = [(visitor, site.get_code(visitor)) for visitor in visitors]
        ask_seconds, asked = self._send(asking, seconds)
        guesses = []
        for visitor, (_, answer) in asked.items():
            code = site.code(visitor, answer)
            guesses.append((visitor, site.auth_code(visitor, answer, code)))
        guess_seconds, answered = self._send(guesses, math.inf)
        taken = {each: asked[each][0] + seconds for each, (seconds, _) in answered.items()}
        return ask_seconds + guess_seconds, taken

    def _send(self, errands: Sequence[Errand], seconds: float) -> tuple[float, Done]:
        with ThreadPoolExecutor(self._clients) as pool:
            start = time.perf_counter()
            deadline = start + seconds
            answers = list(pool.map(lambda errand: self._post(errand, deadline), errands))
            passed = time.perf_counter() - start
        visitors = [visitor for visitor, _ in errands]
        done = dict(zip(visitors, answers, strict=True))
        return passed, {visitor: answer for visitor, answer in done.items() if answer}

    def _post(self, errand: Errand, deadline: float) -> tuple[float, Any] | None:
        visitor, post = errand
        start = time.perf_counter()
        if start > deadline:
            return None
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Forwarded-For": visitor.address,
            **post.headers,
        }
        client.request("POST", post.path, json.dumps(post.body), headers)
        response = client.getresponse()
        content = response.read()
        client.close()
        if response.status != post.expected:
            raise RuntimeError(f"{post}: answered {response.status} {content!r}")
        return time.perf_counter() - start, json.loads(content)
