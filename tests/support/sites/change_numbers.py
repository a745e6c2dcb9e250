"""Links, moves, replaces and removes numbers, where everything is in its own database."""

from __future__ import annotations

from typing import Any

from .login import report

FIRST, SECOND = "+14155550131", "+14155550132"


def change_numbers() -> dict[str, Any]:
    from django.contrib.auth import get_user_model

    from django_sms_otp import services, testing

    users = get_user_model()._default_manager
    ada, bob = users.create(username="ada"), users.create(username="bob")
    answers: list[str] = []

    def link(user: Any, text: str, replaces: str | None = None) -> None:
        number = services.read_phone_number(text)
        services.request_link_code(user, number)
        code = testing.outbox[-1].code or ""
        answer: object = services.link_number(
            user, code, phone_number=number, replaces=replaces
        )
        answers.append(type(answer).__name__)

    link(ada, FIRST)
    [first] = services.numbers_of(ada)
    link(ada, SECOND, replaces=first.id)
    link(bob, FIRST)
    [first] = services.numbers_of(bob)
    refused: Any = services.unlink_number(bob, first.id)
    answers.append(refused.reason)
    services.unlink_number(bob, first.id, force=True)
    return {
        "answers": answers,
        "numbers": {
            user.username: [each.phone_number.e164 for each in services.numbers_of(user)]
            for user in (ada, bob)
        },
    }


if __name__ == "__main__":
    report(change_numbers)
