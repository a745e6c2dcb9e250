"""What Schemathesis is told about the example site: see tests/package/test_schemathesis.py."""

from __future__ import annotations

import random
from typing import Any

import schemathesis


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
    if "/step-up/" not in case.operation.path:
        case.body["phone_number"] = f"+1415555{chance.randrange(2000, 10_000)}"


def _address(chance: random.Random) -> str:
    return f"198.{chance.randrange(18, 20)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
