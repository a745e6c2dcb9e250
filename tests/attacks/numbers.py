"""Attacks on the numbers of accounts, by whoever has a session."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial

from django.contrib.auth.models import User
from django.test import Client

from django_sms_otp import services
from django_sms_otp.models import VerifiedPhone
from tests.support.factories import UserFactory, VerifiedPhoneFactory
from tests.support.server import Answer, at_once

from .figures import Figure, Row, answered
from .targets import Target, neighbours, strangers

__all__ = [
    "SPARE",
    "account",
    "ids_of",
    "numbers_of_others",
    "race_for_a_number",
    "removal_beside_a_login",
    "removals_at_once",
    "session_of",
    "stolen_session",
    "swapped_codes",
]

SPARE = "+1212664{:04}"
"""Numbers that an account has besides."""


def stolen_session(target: Target, *, rounds: int) -> Row:
    """A session whose login is an hour old changes nothing, whatever it sends."""
    answers, owned = list[list[Answer]](), list[int]()
    for number, phone in enumerate(neighbours(rounds)):
        user = account(phone, SPARE.format(number))
        send = partial(target.server.send_as, session_of(target, user))
        target.clock.release()
        target.clock.advance(timedelta(hours=1))
        first, new = ids_of(user)[0], SPARE.format(9999)
        calls = [
            partial(send, "numbers", phone_number=new),
            partial(send, "numbers/verify", phone_number=new, code="123456"),
            partial(send, f"numbers/{first}", method="DELETE"),
            partial(send, f"numbers/{first}/make-primary"),
        ]
        answers.append(at_once(calls * 4))
        owned.append(user.verified_phones.count())
    return Row(
        attack="a stolen session links, removes and prefers numbers",
        parameters=f"{rounds} rounds of 16 requests at once; the login is an hour old",
        figures=[
            *answered({"403 sms_verification_required": 16}, answers),
            _messages(target, 0),
            Figure(what="numbers of the account", allowed=2, measured=owned),
        ],
    )


def race_for_a_number(target: Target, *, rounds: int) -> Row:
    """Two accounts have codes for one number of a third, and send them at once."""
    answers, holders = list[list[Answer]](), list[int]()
    addresses = strangers()
    for phone in neighbours(rounds):
        account(phone)
        sessions = [session_of(target, account()) for _ in range(2)]
        calls = []
        for session in sessions:
            send = partial(target.server.send_as, session)
            send("numbers", phone_number=phone, forwarded_for=next(addresses))
            code = _last_code(target, phone)
            calls += [partial(send, "numbers/verify", phone_number=phone, code=code)] * 8
        answers.append(at_once(calls))
        holders.append(VerifiedPhone.objects.filter(phone_number=phone).count())
    return Row(
        attack="two accounts prove one number of a third account at once",
        parameters=f"{rounds} rounds, each account sends its right code 8 times",
        figures=[
            *answered({"201": 1, "401 invalid_code": 15}, answers),
            Figure(what="accounts with the number", allowed=1, measured=holders),
        ],
    )


def removal_beside_a_login(target: Target, *, rounds: int) -> Row:
    """A number is removed while its code is redeemed: the number opens the account no more."""
    answers, kept, others = list[list[Answer]](), list[int](), list[int]()
    addresses = strangers()
    for number, phone in enumerate(neighbours(rounds)):
        user = account(phone, SPARE.format(number))
        target.server.post("get-code", phone_number=phone, forwarded_for=next(addresses))
        remove = partial(
            target.server.send_as,
            session_of(target, user),
            f"numbers/{ids_of(user)[0]}",
            method="DELETE",
        )
        log_in = partial(
            target.server.post, "auth-code", phone_number=phone, code=_last_code(target, phone)
        )
        answers.append(at_once([remove, log_in]))
        rows = VerifiedPhone.objects.filter(phone_number=phone)
        kept.append(rows.filter(user=user).count())
        others.append(rows.exclude(user=user).count())
    return Row(
        attack="a login with a number while the number is removed",
        parameters=f"{rounds} rounds, both at once",
        figures=[
            *answered({"204": 1, "200": 1}, answers),
            Figure(what="old accounts that it opens then", allowed=0, measured=kept),
            Figure(
                what="new accounts that it opens then", allowed=1, measured=others, at_most=True
            ),
        ],
    )


def removals_at_once(target: Target, *, rounds: int) -> Row:
    """Both numbers of an account without a password are removed at once."""
    answers, left = list[list[Answer]](), list[int]()
    for number, phone in enumerate(neighbours(rounds)):
        user = account(phone, SPARE.format(number))
        send = partial(target.server.send_as, session_of(target, user), method="DELETE")
        answers.append(at_once([partial(send, f"numbers/{each}") for each in ids_of(user)]))
        left.append(user.verified_phones.count())
    return Row(
        attack="the last two numbers of an account are removed at once",
        parameters=f"{rounds} rounds",
        figures=[
            *answered({"204": 1, "409 last_way_in": 1}, answers),
            Figure(what="numbers left", allowed=1, measured=left),
        ],
    )


def swapped_codes(target: Target, *, rounds: int) -> Row:
    """A code links nothing but the number, the account and the purpose that it is for."""
    answers, logins, linked = list[list[Answer]](), list[list[Answer]](), list[int]()
    addresses = strangers()
    for number, phone in enumerate(neighbours(rounds)):
        mine, theirs = (session_of(target, account()) for _ in range(2))
        other = SPARE.format(number)
        target.server.send_as(
            theirs, "numbers", phone_number=phone, forwarded_for=next(addresses)
        )
        code = _last_code(target, phone)
        verify = partial(target.server.send_as, mine, "numbers/verify")
        target.server.post("get-code", phone_number=other, forwarded_for=next(addresses))
        login_code = _last_code(target, other)
        answers.append(
            [
                verify(phone_number=phone, code=code),
                verify(phone_number=other, code=code),
                verify(phone_number=other, code=login_code),
                verify(phone_number=phone, code=login_code),
            ]
        )
        logins.append([target.server.post("auth-code", phone_number=phone, code=code)])
        linked.append(VerifiedPhone.objects.filter(phone_number__in=[phone, other]).count())
    return Row(
        attack="codes of another account, number or purpose",
        parameters=f"{rounds} rounds; the code that links a number is tried as a login, too",
        figures=[
            *answered({"401 invalid_code": 4}, answers),
            *(
                Figure(what=f"logins: {each.what}", allowed=1, measured=each.measured)
                for each in answered({"401 invalid_code": 1}, logins)
            ),
            Figure(what="accounts with one of the numbers", allowed=0, measured=linked),
        ],
    )


def numbers_of_others(target: Target, *, rounds: int) -> Row:
    """The ids of somebody else's numbers are as good as none."""
    answers, owned = list[list[Answer]](), list[int]()
    for number, phone in enumerate(neighbours(rounds)):
        victim = account(phone, SPARE.format(number))
        send = partial(target.server.send_as, session_of(target, account()))
        calls = [partial(send, f"numbers/{each}", method="DELETE") for each in ids_of(victim)]
        calls += [partial(send, f"numbers/{each}/make-primary") for each in ids_of(victim)]
        answers.append(at_once(calls))
        owned.append(victim.verified_phones.count())
    return Row(
        attack="the numbers of somebody else are removed and preferred, by their ids",
        parameters=f"{rounds} rounds",
        figures=[
            *answered({"404 not_found": 4}, answers),
            Figure(what="numbers of the victim", allowed=2, measured=owned),
        ],
    )


def account(*phones: str) -> User:
    user = UserFactory.create()
    user.set_unusable_password()
    user.save()
    for phone in phones:
        VerifiedPhoneFactory.create(user=user, phone_number=phone)
    return user


def session_of(target: Target, user: User) -> str:
    """Log in by the database that the server has, too; at the server's time."""
    client = Client()
    client.force_login(user)
    return str(client.cookies["sessionid"].value)


def ids_of(user: User) -> list[str]:
    return [number.id for number in services.numbers_of(user)]


def _last_code(target: Target, phone: str) -> str:
    body = str(target.server.messages(phone)[-1]["body"])
    [code] = re.findall(r"\b\d{6}\b", body)
    return str(code)


def _messages(target: Target, allowed: int) -> Figure:
    return Figure(
        what="messages", allowed=allowed, measured=[len(target.server.all_messages())]
    )
