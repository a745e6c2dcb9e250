"""A process that tells how long each kind of request takes on its database.

Started by :mod:`benchmarks.scale.growth`. Reads a command, a JSON list, from each line.
"""

from __future__ import annotations

import json
import sys
import time

import django

if __name__ == "__main__":
    django.setup()

from benchmarks.inside.browser import Asking, ask
from benchmarks.sites.base import Post, Visitor, other_than
from benchmarks.sites.own.site import site
from django_sms_otp.testing import override_sms_otp

STRANGERS = 2_000_000
"""Numbers from here on belong to nobody."""

WARM_UPS = 4_000_000
"""Numbers from here on are of requests that nobody measures, three of each story."""


class Story:
    """A customer, and then somebody new, ask for codes and type them in."""

    def __init__(self, number: int) -> None:
        self._known, self._new = Visitor(number), Visitor(STRANGERS + number)
        self._others = iter(range(WARM_UPS + 3 * number, WARM_UPS + 3 * number + 3))
        self.times: dict[str, float] = {}

    def run(self) -> None:
        known, new = self._known, self._new
        self._warm_up()
        self._timed("`get-code`, known number", known, site.get_code(known))
        self._timed("`get-code`, refused", known, site.get_code(known), 429)
        with override_sms_otp(COOLDOWN=[]):
            self._warm_up()
            self._timed("`get-code`, the same code again", known, site.get_code(known))
        self._warm_up()
        right = site.auth_code(known, {}, site.code(known, {}))
        wrong = site.auth_code(known, {}, other_than(site.code(known, {})))
        self._timed("`auth-code`, wrong code", known, wrong, 401)
        self._timed("`auth-code`, right code", known, right)
        self._timed("`get-code`, new number", new, site.get_code(new))
        registration = site.auth_code(new, {}, site.code(new, {}))
        self._timed("`auth-code`, registration", new, registration)

    def _warm_up(self) -> None:
        """Let the app read its settings anew, and nothing measured come after a pause."""
        other = Visitor(next(self._others))
        ask(site.get_code(other), other)

    def _timed(self, name: str, visitor: Visitor, post: Post, status: int = 0) -> None:
        expected = Post(path=post.path, body=post.body, expected=status or post.expected)
        asking = Asking(expected, visitor)
        start = time.perf_counter()
        asking()
        self.times[name] = time.perf_counter() - start
        asking.answer()


def main() -> None:
    for line in sys.stdin:
        _, number = json.loads(line)
        story = Story(number)
        story.run()
        sys.stdout.write(f"{json.dumps(story.times)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
