"""Signals, sent after the commit with ``send_robust``: a receiver's error harms no login.

Every signal carries ``phone_number`` (a :class:`~django_sms_otp.phone.PhoneNumber`, masked in
logs) and ``purpose``. The sender is :class:`~django_sms_otp.models.OTPCode`.
"""

from __future__ import annotations

from django.dispatch import Signal

code_sent = Signal()
"""The gateway took the message. Also carries ``otp_code``, the row."""

code_redeemed = Signal()
"""A code was redeemed. Also carries ``otp_code`` and ``user`` (``None`` unless a login)."""

code_rejected = Signal()
"""A code was refused. Also carries ``otp_code`` (or ``None``) and ``reason``, a stable word."""

delivery_failed = Signal()
"""A message was not handed over, or nobody knows. Also carries ``otp_code`` and ``error``."""

user_registered = Signal()
"""A login created an account. Also carries ``user``."""
