"""Two bad days: a wave of fraud, and an evening without the gateway. And refusals."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from django_sms_otp.models import DeliveryState, HourlyCount, OTPCode

from .month import fail, make_code

PUMPED = [f"+1{area}55501{n:02}" for n in range(100) for area in (876, 658)]
"""Jamaica, where fraudsters earn with each SMS."""

LET_THROUGH = 24
"""Messages before the breaker sees that nobody redeems their codes."""

REFUSALS = {"cooldown": 0.03, "phone_ip": 0.012, "phone": 0.004, "failures": 0.006, "ip": 0.003}
"""Refused requests for each code that was sent."""


def make_fraud(random: Random, now: datetime) -> Iterator[OTPCode]:
    """Yield the codes of a wave of fraud, which the breaker stops."""
    begun = (now - timedelta(days=9)).replace(hour=2, minute=10, second=0)
    for number, phone_number in enumerate(PUMPED):
        at = begun + timedelta(seconds=number * 45 + random.uniform(0, 30))
        code = make_code(random, at, phone_number, "JM")
        if number >= LET_THROUGH:
            withhold(code)
        yield code


def withhold(code: OTPCode) -> None:
    code.withheld_by, code.delivery_state = "breaker", DeliveryState.WITHHELD
    code.sent_at = code.delivered_at = None
    code.delivery_error = code.undelivered_by = code.message_id = ""
    code.send_count, code.channel, code.backend = 1, "sms", "twilio"


def break_gateway(codes: Sequence[OTPCode], now: datetime) -> None:
    """Let the gateway be down for an evening."""
    begun = (now - timedelta(days=17)).replace(hour=18, minute=5, second=0)
    for code in codes:
        if begun < code.created_at < begun + timedelta(hours=3):
            fail(code, "20503")
            code.sent_at = code.delivered_at = code.redeemed_at = code.user = None
            code.undelivered_by, code.failed_attempts = "", 0


def make_refusals(random: Random, codes: Sequence[OTPCode]) -> Iterator[HourlyCount]:
    """Yield counts of refused and withheld requests. A request that is refused has no row."""
    counts: Counter[tuple[datetime, str, str]] = Counter()
    for code in codes:
        hour = code.created_at.replace(minute=0, second=0, microsecond=0)
        if code.withheld_by:
            counts[hour, code.region, f"withheld:{code.withheld_by}"] += 1
            counts[hour, code.region, "refused:ip"] += random.random() < 0.3
        for control, share in REFUSALS.items():
            counts[hour, code.region, f"refused:{control}"] += random.random() < share
        counts[hour, code.region, "refused:number_type"] += random.random() < 0.01
    for (hour, region, event), count in counts.items():
        if count:
            yield HourlyCount(hour=hour, region=region, event=event, count=count)
