"""Pages of the admin in the states that staff see them in, as in ``states.py``.

They have a list of their own: what stands around them is Django's, and needs no 320 pixels.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission, User
from django.db.models import Q
from django.utils import timezone

from django_sms_otp.limits.journal import Journal, WrongGuess
from django_sms_otp.limits.messages import Send
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import HourlyCount
from django_sms_otp.stats.durations import event_within
from tests.admin.staff import limit
from tests.admin.story import FIND
from tests.conftest import PHONE
from tests.support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory

from .person import Person
from .scenes import Scene, State, state

__all__ = ["ADMIN", "DASHBOARD", "dashboard", "log_in_staff", "make_story"]

ADMIN: list[State] = []

DASHBOARD = "/admin/django_sms_otp/hourlycount/dashboard/"

# The pages show the keys of rows, and a picture is to show the same ones each time.
STORY = 1
OLD = "8c1f04d2-7f6e-4d0b-9a55-2f6f3a1f9b01"
NEW = "3ad95b77-02c4-4b8e-8d1c-90f7c5d2e402"


def log_in_staff(person: Person) -> None:
    """Be logged in as somebody who may do everything in the app, and may see users."""
    user = User.objects.create_user("clerk", pk=1, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            Q(content_type__app_label="django_sms_otp") | Q(codename="view_user")
        )
    )
    person.log_in(user)


def make_story() -> None:
    """Somebody logged in yesterday, and waits now for a message that did not arrive."""
    now = timezone.now()
    user = UserFactory.create(pk=2, username="ada")
    yesterday, newest = now - timedelta(days=1), now - timedelta(minutes=3)
    redeemed = yesterday + timedelta(seconds=40)
    VerifiedPhoneFactory.create(
        pk=1,
        user=user,
        phone_number=PHONE,
        verified_at=now - timedelta(days=30),
        last_used_at=redeemed,
    )
    sends = Send(yesterday.timestamp(), OLD[:8]), Send(newest.timestamp(), NEW[:8])
    guess = WrongGuess.of(yesterday + timedelta(seconds=25), OLD[:8], "id:one")
    limit(PHONE, NumberState(sends=sends, journal=Journal().with_one(guess)), pk=STORY)
    _code(OLD, yesterday, delivery_state="delivered", redeemed_at=redeemed, user=user)
    _code(NEW, newest, delivery_state="undelivered", delivery_error="30003")


def _code(key: str, at: datetime, **values: Any) -> None:
    OTPCodeFactory.create(
        pk=UUID(key),
        phone_number=PHONE,
        created_at=at,
        counted_at=at,
        sent_at=at + timedelta(seconds=1),
        backend="twilio",
        **values,
    )


def count_codes() -> None:
    """Make the counts of two weeks, and the newest codes of a few prefixes."""
    midnight = timezone.now().replace(hour=0)
    HourlyCount.objects.bulk_create(
        HourlyCount(
            hour=midnight - timedelta(days=day, hours=-9),
            region=region,
            event=event,
            backend="" if event in BEFORE_BACKENDS else backend,
            count=int(most * share * (20 - day - day % 3) / 20),
        )
        for day in range(14)
        for region, backend, most, redeemed in REGIONS
        for event, share in _shares(redeemed - day * 5 % 7 / 100).items()
    )
    for prefix, codes in PREFIXES.items():
        for last in range(codes):
            OTPCodeFactory.create(
                phone_number=f"{prefix}000{last}",
                region="JM" if prefix.startswith("+1876") else "US",
                backend="twilio",
                sent_at=timezone.now(),
                redeemed_at=timezone.now() if last % 3 else None,
                delivery_state="delivered",
            )


REGIONS = (
    ("US", "twilio", 900, 0.8),
    ("DE", "eastern", 500, 0.74),
    ("JM", "twilio", 300, 0.31),
)
"""Of each the codes of a day, and the share of them that is redeemed."""

PREFIXES = {"+1415555": 7, "+1876555": 4, "+1212555": 3}


def _shares(redeemed: float) -> dict[str, float]:
    """Return what becomes of the codes that are requested."""
    return {
        "requested": 1.0,
        "sent": 0.95,
        "messages": 1.0,
        "delivered": (1 + redeemed) / 2,
        "redeemed": redeemed,
        event_within(10): redeemed * redeemed,
        event_within(30): redeemed * (1 - redeemed),
        "refused:cooldown": 0.3 * (1 - redeemed),
        "withheld:budget": 0.1 * (1 - redeemed),
    }


BEFORE_BACKENDS = {"refused:cooldown", "withheld:budget"}


@state(among=ADMIN)
def story(scene: Scene) -> None:
    make_story()
    log_in_staff(scene.person)
    scene.person.open(f"{FIND}limit/{STORY}/")


@state(among=ADMIN)
def story_confirm(scene: Scene) -> None:
    make_story()
    log_in_staff(scene.person)
    scene.person.open(f"{FIND}limit/{STORY}/block/")


@state(
    among=ADMIN,
    PRICES={"twilio": {"US": "0.0083", "*": "0.21"}, "eastern": {"*": "0.095"}},
)
def dashboard(scene: Scene) -> None:
    count_codes()
    log_in_staff(scene.person)
    scene.person.open(DASHBOARD)
