from __future__ import annotations

from typing import Any

from phone_verify.backends.base import BaseBackend


class Silent(BaseBackend):  # type: ignore[misc]
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.exception_class = ConnectionError

    def send_sms(self, number: str, message: str) -> None:
        """Do nothing with a message."""

    def send_bulk_sms(self, numbers: Any, message: str) -> None:
        """Do nothing with messages."""
