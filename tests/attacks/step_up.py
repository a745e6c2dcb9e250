"""Attacks on step-up, by whoever has a session and not the phone."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from tests.support.server import Answer

from .figures import Figure, Row, answered
from .numbers import SPARE, account, ids_of, session_of
from .targets import Target, neighbours

__all__ = ["read_out_codes", "step_up_with_a_stolen_session"]


def step_up_with_a_stolen_session(target: Target, *, rounds: int) -> Row:
    """The thief has a phone and an account as well, and the code goes to the victim's phone."""
    answers, messages = list[list[Answer]](), list[int]()
    for number, phone in enumerate(neighbours(rounds)):
        own_phone = SPARE.format(number)
        victim, thief = account(phone), account(own_phone)
        own, stolen = session_of(target, thief), session_of(target, victim)
        target.clock.release()
        target.clock.advance(timedelta(hours=1))
        send = partial(target.server.send_as, stolen)
        target.server.send_as(own, "step-up/get-code")
        own_code = target.server.last_code(own_phone)
        target.server.post("get-code", phone_number=own_phone)
        login_code = target.server.last_code(own_phone)
        [own_id] = ids_of(thief)
        answers.append(
            [
                send("step-up/get-code"),
                send("step-up/get-code", number=own_id),
                send("step-up/auth-code", number=own_id, code=own_code),
                send("step-up/auth-code", code=own_code),
                send("step-up/auth-code", code=login_code),
                send("numbers", phone_number=SPARE.format(9999)),
            ]
        )
        messages.append(len(target.server.messages(phone)))
    expected = {
        "202": 1,
        "404 not_found": 2,
        "401 invalid_code": 2,
        "403 sms_verification_required": 1,
    }
    return Row(
        attack="a stolen session steps up with the thief's own phone",
        parameters=f"{rounds} rounds; by the thief's number, by codes that were sent to it",
        figures=[
            *answered(expected, answers),
            Figure(what="messages to the victim", allowed=1, measured=messages),
        ],
    )


def read_out_codes(target: Target, *, rounds: int) -> Row:
    """The victim reads codes out, and the thief uses each for what it was not sent for."""
    answers = list[list[Answer]]()
    for number, phone in enumerate(neighbours(rounds)):
        victim, thief = account(phone), account(SPARE.format(number))
        own, stolen = session_of(target, thief), session_of(target, victim)
        target.server.post("get-code", phone_number=phone)
        login_code = target.server.last_code(phone)
        answers.append([target.server.send_as(stolen, "step-up/auth-code", code=login_code)])
        target.server.send_as(stolen, "step-up/get-code")
        code = target.server.last_code(phone)
        send = partial(target.server.send_as, own)
        [number_id] = ids_of(victim)
        answers[-1] += [
            target.server.post("auth-code", phone_number=phone, code=code),
            send("numbers/verify", phone_number=phone, code=code),
            send("step-up/auth-code", code=code),
            send("step-up/auth-code", number=number_id, code=code),
        ]
    return Row(
        attack="codes that were read out, for another purpose or account",
        parameters=(
            f"{rounds} rounds; a login code steps up, and a step-up code logs in, links the "
            "number and steps up elsewhere"
        ),
        figures=answered({"401 invalid_code": 4, "404 not_found": 1}, answers),
    )
