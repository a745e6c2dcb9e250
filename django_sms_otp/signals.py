"""The signals of this app.

They are sent after the commit with ``send_robust``, so an error of a receiver breaks no login.

Signals about a code carry ``purpose`` and ``phone_number``, a
:class:`~django_sms_otp.phone.PhoneNumber` that is masked in logs. Their sender is
:class:`~django_sms_otp.models.OTPCode`. The sender of signals about limits and circuits is
:class:`~django_sms_otp.models.Limit`.
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
    "number_linked",
    "number_moved",
    "number_refused",
    "number_unlinked",
    "user_registered",
]

code_requested = Signal()
"""A request for a code was answered.

Also carries ``channel``, ``outcome``, ``control`` and ``recorded``. ``outcome`` is
``accepted``, ``withheld`` (answered as if accepted) or the word of the API's refusal.
``control`` is the control that refused or withheld the message; it is empty if none did.
``recorded`` are the controls that would have refused, but only record.
"""

number_refused = Signal()
"""A request named a number of a type or region that gets no code, or a text that is no number.

The sender is :class:`~django_sms_otp.models.Limit`. Carries ``channel``, ``region``, ``reason``
(the word of the API's answer), ``control`` (``number_type`` or ``region``; empty if the text is
not a number) and the ``mode`` of the control. In the mode ``record`` the number gets its code.
"""

gateway_called = Signal()
"""A backend has handed a message to its gateway, or has failed to.

The sender is the class of the backend. A failover sends the signal for each backend that it
tries. Carries ``alias``, ``channel``, ``region``, ``outcome`` (``sent``, or the outcome of the
error), ``error_code`` and ``latency`` in seconds. It carries no phone number.
"""

code_sent = Signal()
"""The gateway took the message.

Also carries ``otp_code``, the row, and ``latency``, the seconds that the gateway took.
"""

code_redeemed = Signal()
"""A code was redeemed. Also carries ``otp_code`` and ``user`` (``None`` if it is no login)."""

code_rejected = Signal()
"""A code was refused. Also carries ``otp_code`` (or ``None``) and ``reason``, a stable word."""

delivery_failed = Signal()
"""A message was not sent, or the result is unknown.

Also carries ``otp_code``, ``error`` and ``latency`` in seconds; ``latency`` is ``None`` if no
gateway was called.
"""

delivery_updated = Signal()
"""A gateway has reported the state of a message.

Also carries ``otp_code``, the row with the new state, and ``receipt``, a
:class:`~django_sms_otp.webhooks.Receipt`.

A receiver must accept the same receipt twice: a gateway may send it again, and does so after an
error in a receiver, which is answered 500.
"""

user_registered = Signal()
"""A login created an account. Also carries ``user``."""

number_linked = Signal()
"""A user has proven to hold a number, which opens their account from now on.

It is also sent if the number was theirs before. The sender is
:class:`~django_sms_otp.models.VerifiedPhone`. Carries ``user``, ``phone_number`` and
``replaced``: the number that it took the place of, or ``None``.
"""

number_unlinked = Signal()
"""A user has removed or replaced a number. Carries ``user`` and ``phone_number``."""

number_moved = Signal()
"""A number has left an account, because the holder of another one has proven to hold it.

Carries ``user``, who has it now, ``previous_user`` and ``phone_number``. ``number_linked`` is
sent too.
"""

limit_tripped = Signal()
"""A control that many numbers share refused or withheld a message, or would have.

It is sent once an hour for each control and region. Carries ``control``, its ``mode``
(``record`` or ``enforce``) and ``region``.
"""

breaker_tripped = Signal()
"""Few codes of a country or prefix are redeemed.

Carries ``key`` ("country:JM", "prefix:+1876555"), ``conversion`` from 0 to 1, and
``blocked_until``. It is ``None`` if nothing is blocked yet; such an alert is sent once an hour.
"""

circuit_opened = Signal()
"""A backend failed several times in a row, and other backends take its place.

Carries ``alias`` and ``until``, the time of the next try. It is sent once while the circuit
stays open.
"""

circuit_closed = Signal()
"""A backend is used again. Carries ``alias``."""
