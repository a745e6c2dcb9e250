"""Signals, sent after the commit with ``send_robust``: a receiver's error harms no login.

Those about a code carry ``phone_number`` (a :class:`~django_sms_otp.phone.PhoneNumber`, masked
in logs) and ``purpose``; their sender is :class:`~django_sms_otp.models.OTPCode`. Those about
limits and circuits come from :class:`~django_sms_otp.models.Limit`.
"""

from __future__ import annotations

from django.dispatch import Signal

__all__ = [
    "breaker_tripped",
    "circuit_closed",
    "circuit_opened",
    "code_redeemed",
    "code_rejected",
    "code_requested",
    "code_sent",
    "delivery_failed",
    "delivery_updated",
    "gateway_called",
    "limit_tripped",
    "number_refused",
    "user_registered",
]

code_requested = Signal()
"""Somebody has asked for a code, and was answered.

Also carries ``channel``, ``outcome``, ``control`` and ``recorded``. ``outcome`` is
``accepted``, ``withheld`` (answered as if accepted) or the word that the API refused with;
``control`` is what refused or withheld the message, if a control did; ``recorded`` are those
that only record, and would have.
"""

number_refused = Signal()
"""Somebody has asked for a code for a number that none is sent to, or would not be.

Comes from :class:`~django_sms_otp.models.Limit`. Carries ``channel``, ``region``, ``reason``
(the API's word), ``control`` (``number_type``, ``region``; empty: it is no number) and its
``mode``.
"""

gateway_called = Signal()
"""A backend has handed a message to its gateway, or has failed to.

Comes from the backend's class, also for each of several that were tried. Carries ``alias``,
``channel``, ``region``, ``outcome`` (``sent``, or that of the error), ``error_code`` and
``latency`` in seconds; no number.
"""

code_sent = Signal()
"""The gateway took the message. Also carries ``otp_code``, the row, and ``latency``, the
seconds that the gateway took."""

code_redeemed = Signal()
"""A code was redeemed. Also carries ``otp_code`` and ``user`` (``None`` unless a login)."""

code_rejected = Signal()
"""A code was refused. Also carries ``otp_code`` (or ``None``) and ``reason``, a stable word."""

delivery_failed = Signal()
"""A message was not handed over, or nobody knows. Also carries ``otp_code``, ``error`` and
``latency`` in seconds: ``None`` where no gateway was asked."""

delivery_updated = Signal()
"""A gateway has told how far a message is. Also carries ``otp_code``, the row as it is now, and
``receipt``, a :class:`~django_sms_otp.webhooks.Receipt`.

Comes again for a receipt that comes again. An error in a receiver is answered 500, so that the
gateway does call again: a receiver must bear to hear the same twice.
"""

user_registered = Signal()
"""A login created an account. Also carries ``user``."""

limit_tripped = Signal()
"""A control refused or withheld a message, or would have: once an hour, control and region.

Carries ``control``, its ``mode`` (``record`` or ``enforce``) and ``region``. Sent for what many
numbers share, not for a single number's own cooldown, quotas and failures.
"""

breaker_tripped = Signal()
"""Few codes of a country or prefix are redeemed.

Carries ``key`` ("country:JM", "prefix:+1876555"), ``conversion`` from 0 to 1, and
``blocked_until``: ``None`` is an alert, sent once an hour; nothing is blocked yet.
"""

circuit_opened = Signal()
"""A backend failed so often in a row that others are used in its place.

Carries ``alias`` and ``until``, when a message will try it again. Sent once, and not again
while the circuit stays open.
"""

circuit_closed = Signal()
"""A backend is used again. Carries ``alias``."""
