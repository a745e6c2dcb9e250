"""The purposes of codes: what a code authorises. A code of one purpose is valid for no other.

To add a purpose, add a constant here and pass it as ``purpose`` to ``services.request_code()``
and ``services.redeem_code()``. It has at most 32 characters. It becomes part of the derivation
of the code (``codes``), and the queries of ``db`` read the codes of one purpose only.

By itself a purpose logs nobody in: ``redeem_code()`` proves that the person holds the number,
and ``Redeemed.user`` is ``None``. These modules treat single purposes in a special way:

- ``services.guesses``, ``services.gateway_check`` and ``services.redeem``: a user, and
  ``grant``, for ``LOGIN`` only.
- ``services.request``: ``UNKNOWN_NUMBERS`` for ``LOGIN`` only.
- ``controls.number``: a number disabled by too many failures takes guesses for
  ``VERIFY_PHONE`` only.
- ``backends.twilio.verify``: if Twilio Verify makes the codes, each purpose needs a Verify
  Service of its own.
- ``backends.composite.base``: circuits ignore the messages of ``TEST``.

All purposes share the settings: the text of the message, lifetime, length and attempts.
"""

__all__ = ["LOGIN", "TEST", "VERIFY_PHONE"]

LOGIN = "login"
"""The purpose of the public endpoints."""

VERIFY_PHONE = "verify_phone"
"""Binds a number to the account of a logged-in user: the way back for a disabled number."""

TEST = "test"
"""The purpose of the messages of ``send_test_sms``. No code has it."""
