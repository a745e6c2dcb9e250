"""What Schemathesis is told about the example site: see tests/package/test_schemathesis.py."""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

import schemathesis

CODE = "123456"
TEST_NUMBERS = [f"+141555501{last:02}" for last in range(90)]
"""Of films: no hook asks for a code of any other of them."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Call from an address of its own, whose limit is not used up.

    What no schema can say is made right in requests that are to be accepted: what a phone
    number is, which countries there are, and which channels the site has.
    """
    chance = random.Random(case.id)
    case.headers = {**(case.headers or {}), "X-Forwarded-For": _address(chance)}
    is_good = case.meta and case.meta.generation.mode.is_positive
    if not (is_good and isinstance(case.body, dict)):
        return
    # A form has no null.
    case.body = {name: value for name, value in case.body.items() if value is not None}
    for name in ("channel", "region"):
        case.body.pop(name, None)
    if case.operation.path == "/auth-code/":
        case.body = _right_guess(case.operation.base_url, chance.choice(TEST_NUMBERS))
    elif "/step-up/" not in case.operation.path:
        case.body["phone_number"] = f"+1415555{chance.randrange(2000, 10_000)}"


def _right_guess(url: str, number: str) -> dict[str, str]:
    """Ask for a code of a test number, and return the body that redeems it."""
    body, headers = {"phone_number": number}, {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/get-code/", json.dumps(body).encode(), headers)
    # Refused, if the number has had a code a moment ago: then it is a wrong guess.
    with suppress(urllib.error.HTTPError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30)
    return {**body, "code": CODE}


def _address(chance: random.Random) -> str:
    return f"198.{chance.randrange(18, 20)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
