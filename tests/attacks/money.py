"""What costs money: look-ups, a cap used up for nothing, drive-by requests; honest logins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.contrib.auth import get_user_model
from django.utils import timezone

from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import Limit, VerifiedPhone
from tests.support.server import Answer, at_once

from .figures import Figure, Row, answered
from .hooks import LOOKUPS, UNREACHABLE
from .targets import Target, neighbours, strangers

__all__ = ["cap_for_nothing", "drive_by", "honest_logins", "lookups"]

CUSTOMERS = 8
ADVERT = "https://advert.example"


def lookups(
    target: Target,
    addresses: Sequence[str],
    *,
    limits: str,
    whence: str,
    most: int,
    threads: int,
) -> Row:
    """Each request is for another number, and the look-up refuses all of them."""
    file = target.server.messages_file.with_name(LOOKUPS)
    file.unlink(missing_ok=True)
    is_alone = len(set(addresses)) == 1
    # The site remembers the verdicts of an earlier attack.
    phones = neighbours(2 * len(addresses))[is_alone::2]
    ask = partial(target.server.post, "get-code")
    answers = at_once(
        (
            partial(ask, phone_number=phone, forwarded_for=address)
            for phone, address in zip(phones, addresses, strict=True)
        ),
        threads=threads,
    )
    rest = "429 quota_exceeded" if is_alone else "202"
    expected = {"400 phone_number_not_sms_capable": most, rest: len(phones) - most}
    return Row(
        attack=f"{len(phones)} new numbers that a look-up refuses, {whence}",
        parameters=f"{limits}; {threads} threads",
        figures=[
            Figure(
                what="look-ups", allowed=most, measured=[len(file.read_text().splitlines())]
            ),
            Figure(what="messages", allowed=0, measured=[len(target.server.all_messages())]),
            *answered(expected, [answers]),
        ],
    )


def cap_for_nothing(target: Target, *, requests: int, threads: int) -> Row:
    """Ask for a number that the gateway does not reach, for new numbers, and for customers."""
    ask, addresses = partial(target.server.post, "get-code"), strangers()
    ten = [next(addresses) for _ in range(10)]
    at_once(
        (
            partial(ask, phone_number=UNREACHABLE, forwarded_for=ten[number % 10])
            for number in range(requests)
        ),
        threads=threads,
    )
    phones = neighbours(40 + CUSTOMERS)
    customers = phones[40:]
    for phone in customers:
        user = get_user_model().objects.create(username=phone)
        VerifiedPhone.objects.create(user=user, phone_number=phone, verified_at=timezone.now())
    calls = [partial(ask, phone_number=each, forwarded_for=next(addresses)) for each in phones]
    of_strangers = at_once(calls[:40], threads=threads)
    to_strangers = len(target.server.all_messages())
    of_customers = at_once(calls[40:], threads=threads)
    to_customers = len(target.server.all_messages()) - to_strangers
    figures = [
        Figure(what="messages to new numbers", allowed=16, measured=[to_strangers]),
        *answered({"202": 40}, [of_strangers]),
        Figure(what="messages to customers", allowed=4, measured=[to_customers]),
        *answered({"202": 4, "429 quota_exceeded": CUSTOMERS - 4}, [of_customers]),
    ]
    return Row(
        attack=(
            f"{requests} requests for a number that the gateway does not reach, then for 40 "
            f"new numbers, then for {CUSTOMERS} customers"
        ),
        parameters=f'site "20/h"; ten addresses, then ever new ones; {threads} threads',
        figures=figures,
    )


def drive_by(target: Target, *, visitors: int, threads: int) -> Row:
    """Each visitor of an advert has another address; the page posts a form, then JSON."""
    ask = partial(target.server.post_from_page, "get-code", ADVERT)
    phones, addresses = neighbours(visitors), strangers()
    calls = [
        partial(ask, next(addresses), is_form=is_form, phone_number=phone)
        for is_form in (True, False)
        for phone in phones
    ]
    return Row(
        attack=f"{visitors} visitors of a page of another site, whose browsers post for it",
        parameters=f"as a form and as JSON, each from a new address; {threads} threads",
        figures=[
            *answered({"403 cross_site": 2 * visitors}, [at_once(calls, threads=threads)]),
            Figure(what="messages", allowed=0, measured=[len(target.server.all_messages())]),
        ],
    )


def honest_logins(target: Target, *, people: int, threads: int) -> Row:
    """No attack: the breaker must judge by all messages and all logins at any load."""
    addresses = strangers()

    def log_in(phone: str, address: str) -> Answer:
        post = partial(target.server.post, phone_number=phone, forwarded_for=address)
        asked = post("get-code")
        if asked.status != 202:
            return asked
        return post("auth-code", code=target.server.code(phone))

    phones = neighbours(people)
    answers = at_once(
        (partial(log_in, phone, next(addresses)) for phone in phones), threads=threads
    )
    row = Limit.objects.get(kind="country", subject="US")
    cohorts = SharedCounters.from_json(row.state).cohorts
    return Row(
        attack=f"{people} honest logins, {threads} at a time",
        parameters="CONVERSION_BREAKER; each from a new address",
        figures=[
            *answered({"200": people}, [answers]),
            Figure(
                what="counted as sent",
                allowed=people,
                measured=[sum(each.sent for each in cohorts)],
            ),
            Figure(
                what="counted as redeemed",
                allowed=people,
                measured=[sum(each.redeemed for each in cohorts)],
            ),
        ],
    )
