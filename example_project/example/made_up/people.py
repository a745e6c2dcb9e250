"""People, with numbers that regulators reserve for films: nobody has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, product
from random import Random

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from django_sms_otp.models import OTPCode, VerifiedPhone

FIRST_NAMES = (
    *("Ada", "Amira", "Anton", "Bela", "Carla", "Chen", "Dana", "Elif", "Emil", "Farid"),
    *("Greta", "Hana", "Ines", "Ivo", "Jonas", "Kaja", "Lena", "Luca", "Malik", "Mira"),
    *("Nils", "Nora", "Omar", "Paula", "Priya", "Rosa", "Samir", "Tara", "Tom", "Yusuf"),
)
LAST_NAMES = (
    *("Abbott", "Berg", "Costa", "Dubois", "Fischer", "Garcia", "Haddad", "Ito", "Jansen"),
    *("Kowalski", "Larsen", "Martin", "Novak", "Okafor", "Petit", "Quinn", "Rossi", "Schmidt"),
    *("Tanaka", "Usman", "Vogel", "Weber", "Young"),
)

NUMBERS = {
    # +1 415 is left to who tries the site.
    "US": [f"+1{area}55501{n:02}" for n in range(100) for area in (212, 305, 512, 617, 702)],
    "GB": [f"+447700900{n:03}" for n in range(250)],
    "DE": [f"+4917{code}{n:02}" for n in range(100) for code in ("139200", "6040690")],
    "FR": [f"+3363998{n:04}" for n in range(180)],
    "CA": [f"+1{area}55501{n:02}" for n in range(50) for area in (416, 604)],
    "SE": [f"+467017406{n:02}" for n in range(5, 60)],
}
SHARES = {"US": 0.36, "GB": 0.2, "DE": 0.18, "FR": 0.15, "CA": 0.07, "SE": 0.04}
LANGUAGES = {"DE": "de", "FR": "fr"}
UTC_OFFSETS = {"US": -6, "GB": 0, "DE": 1, "FR": 1, "CA": -6, "SE": 1}

REGULARS = 450


@dataclass(frozen=True, kw_only=True)
class Person:
    """:param keenness: how often the person logs in, beside others."""

    user: User
    phone_number: str
    region: str
    keenness: float

    @property
    def language(self) -> str:
        return LANGUAGES.get(self.region, "en")


def make_people(random: Random, now: datetime) -> list[Person]:
    """Create accounts."""
    numbers = {region: iter(numbers) for region, numbers in NUMBERS.items()}
    names = cycle(random.sample([*product(FIRST_NAMES, LAST_NAMES)], REGULARS))
    regions = random.choices([*SHARES], [*SHARES.values()], k=REGULARS)
    people = []
    for region, (first, last) in zip(regions, names, strict=False):
        number = next(numbers[region], None)
        if number:
            joined = now - timedelta(days=random.uniform(1, 400))
            user = User(
                username=f"{first}.{last}".lower(),
                first_name=first,
                last_name=last,
                password=make_password(None),
                date_joined=joined,
            )
            # A few people come daily, most now and then.
            keenness = random.paretovariate(1.2)
            people.append(
                Person(user=user, phone_number=number, region=region, keenness=keenness)
            )
    User.objects.bulk_create([person.user for person in people])
    return people


def link_numbers(people: Iterable[Person], codes: Iterable[OTPCode]) -> None:
    """Create the rows of the numbers, as the codes have left them."""
    redeemed = [code for code in codes if code.redeemed_at and code.user]
    last = {code.phone_number: code.redeemed_at for code in redeemed}
    for person in people:
        person.user.last_login = last.get(person.phone_number)
    User.objects.bulk_update([person.user for person in people], ["last_login"])
    VerifiedPhone.objects.bulk_create(
        VerifiedPhone(
            user=person.user,
            phone_number=person.phone_number,
            verified_at=person.user.date_joined,
            last_used_at=person.user.last_login,
        )
        for person in people
    )
