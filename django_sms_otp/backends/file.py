"""Writes messages to a file: for development and for tests across processes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.utils import timezone

from ..conf.choices import CHANNELS
from ..exceptions import InvalidBackend
from .base import BaseSMSBackend, SendResult, SMSMessage

FILE_NAME = "messages.jsonl"


class SMSBackend(BaseSMSBackend):
    """Append each message to ``messages.jsonl`` in a folder, as a JSON object a line.

    :param path: the folder; made when it is missing.
    """

    development_only = True
    channels = frozenset(CHANNELS)

    def __init__(self, *, alias: str, path: str | Path | None = None, **options: Any) -> None:
        super().__init__(alias=alias, **options)
        if not path:
            raise InvalidBackend("option 'path' must name a folder.", alias=alias)
        self.file = Path(path) / FILE_NAME

    def send(self, message: SMSMessage) -> SendResult:
        entry = {
            "to": message.to,
            "body": message.body,
            "request_id": str(message.request_id),
            "sent_at": timezone.now().isoformat(),
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        # One write in append mode: lines of several processes do not mix. Codes are for the
        # owner's eyes only.
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{json.dumps(entry, ensure_ascii=False)}\n".encode())
        finally:
            os.close(descriptor)
        return SendResult()
