"""The outbox and logins for Django's test cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client

from ..backends import SMSMessage
from ..phone import PhoneNumber
from .logins import code_for, log_in
from .settings import sms_in_memory

if TYPE_CHECKING:
    from unittest import TestCase as _Base
else:
    # A test case itself would be collected wherever it is imported.
    _Base = object

__all__ = ["SMSTestMixin"]


class SMSTestMixin(_Base):
    """Mix it into a ``TestCase``, before it: no message leaves, whatever backends the site has.

    The outbox is empty at the start of each test.
    """

    sms_outbox: list[SMSMessage]
    """The messages of this test, oldest first."""

    def setUp(self) -> None:
        super().setUp()
        self.sms_outbox = self.enterContext(sms_in_memory())
        self.sms_outbox.clear()

    def code_for(self, number: str | PhoneNumber) -> str:
        """Return the newest code that was sent to a number: see :func:`~.logins.code_for`."""
        return code_for(number)

    def log_in(self, client: Client, number: str | PhoneNumber) -> AbstractBaseUser:
        """Log a client in by SMS, and return the user: see :func:`~.logins.log_in`."""
        return log_in(client, number)
