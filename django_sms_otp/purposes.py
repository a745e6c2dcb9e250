"""What a code authorises. A code of one purpose is never taken for another."""

__all__ = ["LOGIN", "TEST", "VERIFY_PHONE"]

LOGIN = "login"
"""The purpose of the public endpoints."""

VERIFY_PHONE = "verify_phone"
"""Binds a number to the account of somebody who is logged in: the way back after a lockout."""

TEST = "test"
"""Of the messages of ``send_test_sms``. No code has it, and circuits take no notice of it."""
