"""Ordinary days: people log in, pay, mistype, and now and then a message does not arrive."""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django_sms_otp.models import DeliveryState, OTPCode

from .people import UTC_OFFSETS, Person

CODES_A_DAY = 130
LIFETIME = timedelta(minutes=10)

OF_HOURS = (2, 1, 1, 1, 1, 2, 5, 9, 12, 11, 9, 9, 10, 9, 8, 8, 9, 11, 13, 14, 13, 11, 8, 4)
"""How busy each hour of the day is, by the clock of the person."""
OF_WEEKDAYS = (1.12, 1.1, 1.08, 1.06, 1.02, 0.85, 0.77)

PURPOSES = {"login": 82, "payment": 12, "step_up": 6}
PAYEES = ("Ada's bakery", "City of Bern", "Green Energy", "Corner books", "Hana Okafor")

ARRIVAL = {"US": 0.975, "GB": 0.98, "DE": 0.97, "FR": 0.955, "CA": 0.97, "SE": 0.985}
"""The share of messages that arrive."""
LOST = {"30003": 45, "30005": 20, "30006": 12, "30007": 13, "30008": 10}
"""Errors that Twilio reports for messages that it has taken."""
REFUSED = {"21610": 60, "21614": 25, "21211": 15}
"""Errors by which Twilio takes no message."""


def make_codes(
    random: Random, people: Sequence[Person], now: datetime, days: int
) -> Iterator[OTPCode]:
    """Yield the codes of some days, unsaved."""
    keenness = [person.keenness for person in people]
    for day in range(days - 1, -1, -1):
        midnight = (now - timedelta(days=day)).replace(hour=0, minute=0, second=0)
        growth = 1.15 - 0.3 * day / days
        busy = OF_WEEKDAYS[midnight.weekday()] * growth * random.uniform(0.92, 1.08)
        for person in random.choices(people, keenness, k=round(CODES_A_DAY * busy)):
            hour = random.choices(range(24), OF_HOURS)[0] - UTC_OFFSETS[person.region]
            at = midnight + timedelta(hours=hour % 24, seconds=random.uniform(0, 3600))
            if at < now - LIFETIME:
                yield make_code(random, at, person.phone_number, person.region, person)


def make_code(
    random: Random, at: datetime, number: str, region: str, person: Person | None = None
) -> OTPCode:
    """Return a code with its whole life. Without a person it is a message to nobody."""
    purpose = pick(random, PURPOSES) if person else "login"
    code = OTPCode(
        id=uuid.UUID(int=random.getrandbits(128)),
        seed=f"{random.getrandbits(128):032x}",
        key_id="made-up",
        code_length=6,
        phone_number=number,
        region=region,
        purpose=purpose,
        context=context_of(random) if purpose == "payment" else "",
        language=person.language if person else "en",
        exempt=person is not None,
        created_at=at,
        expires_at=at + LIFETIME,
        counted_at=at,
        claimed_at=at,
        backend="twilio",
        message_id=f"SM{random.getrandbits(128):032x}",
    )
    if random.random() < 0.007:
        fail(code, pick(random, REFUSED))
        return code
    send(random, code)
    if person and code.delivery_state == DeliveryState.DELIVERED:
        redeem(random, code, person)
    return code


def send(random: Random, code: OTPCode) -> None:
    """Send the message, once more if it is slow. Who waits may ask for a call."""
    arrives = random.random() < ARRIVAL.get(code.region, 0.9)
    delay = min(random.lognormvariate(1.1, 0.7), 400)
    if delay > 30 or (not arrives and random.random() < 0.5):
        code.send_count = 2
        code.claimed_at = code.created_at + timedelta(seconds=random.uniform(32, 90))
    if code.purpose == "login" and random.random() < (0.4 if code.send_count > 1 else 0.03):
        code.channel, code.backend, arrives = "voice", "twilio_calls", True
    code.sent_at = (code.claimed_at or code.created_at) + timedelta(seconds=0.4)
    if arrives:
        code.delivery_state = DeliveryState.DELIVERED
        code.delivered_at = code.sent_at + timedelta(seconds=min(delay, 30))
    else:
        code.delivery_state = DeliveryState.UNDELIVERED
        code.delivery_error = pick(random, LOST)
        code.undelivered_by = code.backend


def redeem(random: Random, code: OTPCode, person: Person) -> None:
    """Type the code in, after a while and perhaps after a wrong one."""
    code.failed_attempts = pick(random, {0: 90, 1: 8, 2: 1, 5: 1})
    waited = timedelta(seconds=random.lognormvariate(2.7, 0.6) + 12 * code.failed_attempts)
    at = (code.delivered_at or code.created_at) + waited
    if random.random() < 0.88 and at < code.expires_at and code.failed_attempts < 5:
        code.redeemed_at = at
        code.user = person.user if code.purpose == "login" else None


def fail(code: OTPCode, error: str) -> None:
    """Let the gateway take no message."""
    code.delivery_state, code.delivery_error = DeliveryState.FAILED, error
    code.message_id = ""


def context_of(random: Random) -> str:
    amount = f"EUR {random.uniform(4, 180):.2f}"
    return json.dumps({"amount": amount, "payee": random.choice(PAYEES)}, sort_keys=True)


def pick(random: Random, weights: dict[Any, int]) -> Any:
    return random.choices([*weights], [*weights.values()])[0]
