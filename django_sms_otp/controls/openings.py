"""May a number that was proven open its account, or confirm what its user does?

A number is handed on to somebody else a few months after its last use, and a SIM can be
swapped. ``STALE_AFTER`` and the site's ``NUMBER_RISK`` decide after the right code, so who does
not receive the messages of a number learns nothing about it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from ..auth.users import get_user_resolver
from ..conf import get_settings, load_class
from ..phone import PhoneNumber
from ..purposes import Purpose
from .external import ask_site
from .hooks import NumberRisk, NumberUse, Risk

__all__ = ["Opening"]

NEEDS_MORE, REFUSED = "reverification_needed", "no_active_account"


class Opening:
    """The decision of one call. It outlives attempts that lose a race: the site is asked once.

    :param purpose: the purpose of the code.
    """

    def __init__(self, *, purpose: Purpose, ip_address: str | None, device: str | None) -> None:
        self._opens_account = purpose.opens_account
        self._caller: dict[str, Any] = {
            "purpose": purpose.name,
            "ip_address": ip_address,
            "device": device,
        }
        self._answers: dict[Any, str] = {}

    @property
    def asks_site(self) -> bool:
        """Whether the site wants to be asked.

        :raises InvalidSettings: its class cannot be imported.
        """
        return self.load() is not None

    def load(self) -> type[NumberRisk] | None:
        """Return the class of the site, if it has one.

        :raises InvalidSettings: it cannot be imported.
        """
        is_set = get_settings().NUMBER_RISK is not None
        return load_class("NUMBER_RISK", NumberRisk) if is_set else None

    def ask(self, user: AbstractBaseUser, phone_number: PhoneNumber, now: datetime) -> None:
        """Ask ``NUMBER_RISK``, outside of any transaction: it may ask a provider.

        :raises Unavailable: it raised an error.
        """
        last_used_at = get_user_resolver().last_used_at(user, phone_number)
        use = NumberUse(
            phone_number=phone_number,
            user=user,
            last_used_at=last_used_at,
            # Who is logged in is known by more than the number.
            is_stale=self._opens_account and _is_stale(last_used_at, now),
            **self._caller,
        )
        self._answers[user.pk] = ask_site("NUMBER_RISK", use, _refusal_of_site)

    def refusal(self, user: AbstractBaseUser, phone_number: PhoneNumber, now: datetime) -> str:
        """Return why the number does not open the account; empty if it does."""
        if self.asks_site:
            return self.verdict(user)
        if get_settings().STALE_AFTER is None:
            return ""
        last_used_at = get_user_resolver().last_used_at(user, phone_number)
        return NEEDS_MORE if _is_stale(last_used_at, now) else ""

    def verdict(self, user: AbstractBaseUser) -> str:
        """Return why the number is not enough, as the site has answered; empty if it is."""
        if not self.asks_site:
            return ""
        # Without an answer the number has changed hands while the site was asked.
        return self._answers.get(user.pk, NEEDS_MORE)


def _is_stale(last_used_at: datetime | None, now: datetime) -> bool:
    longest = get_settings().STALE_AFTER
    if longest is None:
        return False
    return last_used_at is None or now - last_used_at > longest


def _refusal_of_site(use: NumberUse) -> str:
    risk = load_class("NUMBER_RISK", NumberRisk)()
    # First: a stale number that opens nothing costs no question to a provider.
    if use.is_stale and not risk.has_given_more(use):
        return NEEDS_MORE
    match risk.assess(use):
        case Risk.FINE:
            return ""
        case Risk.REFUSE:
            return REFUSED
        case Risk.ASK_FOR_MORE:
            has_given_more = use.is_stale or risk.has_given_more(use)
            return "" if has_given_more else NEEDS_MORE
        case other:
            raise TypeError(f"assess() must return a Risk, not {type(other).__name__}.")
