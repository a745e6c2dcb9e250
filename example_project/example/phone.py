"""A telephone on the screen, in the place of a gateway: for development alone.

Its messages are in the memory of the server. They are gone when it stops.
"""

import logging
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from django_sms_otp.backends import console
from django_sms_otp.backends.base import SendResult, SMSMessage

# The screen looks for messages every second. The terminal is not to list that.
logging.getLogger("django.server").addFilter(
    lambda record: "/phone/screen/" not in record.getMessage()
)


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message as the telephone shows it."""

    to: str
    words: str
    is_call: bool
    language: str
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    at: datetime = field(default_factory=timezone.now)


received: deque[Received] = deque(maxlen=20)
"""The newest messages, the last one first."""


class SMSBackend(console.SMSBackend):
    """Show each message on the telephone, and print it."""

    def send(self, message: SMSMessage) -> SendResult:
        is_call = message.channel == "voice"
        words = str(message.body)
        if is_call and message.code:
            # A voice reads out digits, not a number of six figures.
            words = words.replace(message.code, " ".join(message.code))
        received.appendleft(
            Received(to=message.to, words=words, is_call=is_call, language=message.language)
        )
        return super().send(message)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the telephone alone, for a screen that has no room for it beside the pages."""
    return render(request, "phone.html")


@require_safe
@never_cache
@xframe_options_sameorigin
def screen(request: HttpRequest) -> HttpResponse:
    """Show what is on the telephone's screen. The pages have it in a frame."""
    return render(request, "phone_screen.html", {"received": received})
