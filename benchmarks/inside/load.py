"""Logins over HTTP, by several clients at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..clients import Answer, send
from ..sites.base import Post, Visitor
from .steps import Turns

__all__ = ["Load"]

Errand = tuple[Visitor, Post]


class Load:
    """
    :param port: of a server on the loopback address.
    :param clients: how many ask at a time; each waits for its answer.
    """

    def __init__(self, turns: Turns, port: int, clients: int) -> None:
        self._turns, self._port, self._clients = turns, port, clients
        self._known: list[Visitor] = []

    def welcome(self, count: int) -> None:
        """Let visitors log in for the first time, which also warms the server up."""
        visitors = self._turns.strangers(count)
        self._all_log_in(visitors)
        self._known.extend(visitors)

    def logins(self, count: int) -> tuple[float, list[float]]:
        """Let so many of those visitors log in again, each once.

        :return: how long it took, and the seconds of each visitor.
        """
        coming, self._known = self._known[:count], self._known[count:]
        return self._all_log_in(coming)

    def _all_log_in(self, visitors: Sequence[Visitor]) -> tuple[float, list[float]]:
        """Ask for all codes, look them up, which is not measured, and redeem them."""
        site = self._turns.site
        ask_seconds, asked = self._send([(each, site.get_code(each)) for each in visitors])
        guesses = []
        for visitor, answer in asked.items():
            code = site.code(visitor, answer.body)
            guesses.append((visitor, site.auth_code(visitor, answer.body, code)))
        guess_seconds, answered = self._send(guesses)
        taken = [asked[each].seconds + answered[each].seconds for each in visitors]
        return ask_seconds + guess_seconds, taken

    def _send(self, errands: Sequence[Errand]) -> tuple[float, Mapping[Visitor, Answer]]:
        with ThreadPoolExecutor(self._clients) as pool:
            start = time.perf_counter()
            answers = list(pool.map(self._do, errands))
            passed = time.perf_counter() - start
        visitors = (visitor for visitor, _ in errands)
        return passed, dict(zip(visitors, answers, strict=True))

    def _do(self, errand: Errand) -> Answer:
        visitor, post = errand
        return send(self._port, post, visitor).as_expected()
