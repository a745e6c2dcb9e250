"""Tells people by SMS that the numbers of their account have changed.

Each change tells at most one number of an account: the one that is lost, or else the one that
was primary before. A notice is sent after the commit, and its failure changes nothing. It goes
to a number that its user has proven to hold, and to each number a few times a day: so nobody
makes money with notices, and nobody can use them up without the person having been told.

The limits of codes do not apply. Whoever asks for codes to a number uses those up, and could so
keep a notice from it.

The language is that of the last code that the number has redeemed. Whoever changes the numbers
of somebody else would choose one that the person does not read.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from ..conf import get_settings
from ..db import NumberRow, change_number, database_alias
from ..delivery import send_text
from ..delivery.messages import site_name
from ..exceptions import DeliveryError
from ..limits.staff_rules import BLOCKED
from ..logs import describe_error, log_fields
from ..models import OTPCode
from ..phone import PhoneNumber
from ..results import LinkedNumber

__all__ = ["tell_of_link", "tell_of_move", "tell_of_primary", "tell_of_removal"]

logger = logging.getLogger("django_sms_otp")

PURPOSE = "number_changed"

SHOWN_DIGITS = 2
"""Of another number. Four or more would look like a code."""

ADDED = _("A number that ends in {end} was added to your account. Not you? Contact us.")
REPLACED = _("A number that ends in {end} replaces this one. Not you? Contact us.")
REMOVED = _("This number was removed from your account. Not you? Contact us.")
PRIMARY = _("Your main number now ends in {end}. Not you? Contact us.")
MOVED = _("Your number that ends in {end} is now another account's. Not you? Contact us.")


def tell_of_link(
    number: LinkedNumber, before: Sequence[LinkedNumber], replaced: LinkedNumber | None
) -> None:
    """Tell of a new number: to the one that it replaces, or else to the primary one.

    :param before: the user's numbers before, the primary one first.
    """
    is_new = all(each.phone_number != number.phone_number for each in before)
    if replaced is not None:
        _tell(replaced, REPLACED, number.phone_number)
    elif is_new and before:
        _tell(before[0], ADDED, number.phone_number)


def tell_of_move(phone_number: PhoneNumber, left: Sequence[LinkedNumber]) -> None:
    """Tell of a number that now is another account's.

    :param left: the other numbers of its old user, the primary one first.
    """
    if left:
        _tell(left[0], MOVED, phone_number)


def tell_of_removal(number: LinkedNumber) -> None:
    _tell(number, REMOVED)


def tell_of_primary(number: LinkedNumber, before: LinkedNumber) -> None:
    """Tell of another primary number: to the one that was primary before."""
    if before.phone_number != number.phone_number:
        _tell(before, PRIMARY, number.phone_number)


def _tell(number: LinkedNumber, text: object, about: PhoneNumber | None = None) -> None:
    if not get_settings().NOTIFY_OLD_NUMBER or _gets_no_message(number):
        return
    phone_number = number.phone_number
    try:
        is_told = change_number(phone_number.e164, _count)
        if is_told:
            with translation.override(_language_of(phone_number)):
                end = about.e164[-SHOWN_DIGITS:] if about else ""
                body = ": ".join(filter(None, [site_name(), str(text).format(end=end)]))
                send_text(phone_number, body, purpose=PURPOSE)
    except DeliveryError:
        return  # send_text() has logged it.
    except Exception as error:
        # The change is committed, whatever is the matter with its notice.
        extra = log_fields("number_told", phone_number=phone_number, outcome="not_told")
        place = describe_error(error)
        logger.error("A number was not told of a change: %s", place, extra=extra)
        return
    outcome = "told" if is_told else "told_often_enough"
    extra = log_fields("number_told", phone_number=phone_number, outcome=outcome)
    logger.info("Notice to %s: %s.", phone_number, outcome, extra=extra)


def _gets_no_message(number: LinkedNumber) -> bool:
    """Return whether it is the test number of a reviewer, whose code everybody may know."""
    return number.is_test and get_settings().test_code(number.phone_number.e164) is not None


def _language_of(phone_number: PhoneNumber) -> str | None:
    """Return the language in which a number has redeemed a code; else that of the request."""
    codes = OTPCode.objects.using(database_alias()).filter(phone_number=phone_number.e164)
    redeemed = codes.filter(redeemed_at__isnull=False).exclude(language="")
    language = redeemed.order_by("-redeemed_at").values_list("language", flat=True).first()
    return language or translation.get_language()


def _count(row: NumberRow) -> bool:
    """Count a notice in the number's row. Return whether it may be sent."""
    if not row.state.may_be_told(row.now) or row.state.has_rule(BLOCKED, row.now):
        return False
    row.replace(row.state.with_notice(row.now))
    return True
