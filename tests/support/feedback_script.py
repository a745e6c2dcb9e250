"""A process whose gateway hangs: sends feedback, forks, and ends. test_feedback.py runs it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import django
from django.conf import settings

from django_sms_otp.backends import BaseSMSBackend


class HangingBackend(BaseSMSBackend):
    wants_feedback = True

    def send_feedback(self, message_id: str) -> None:
        with Path(sys.argv[1]).open("a") as file:
            file.write(f"{message_id}\n")
        time.sleep(60)


def wait_for(lines: int) -> None:
    file = Path(sys.argv[1])
    while not file.exists() or len(file.read_text().splitlines()) < lines:
        time.sleep(0.01)


def main() -> None:
    django.setup()
    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": "tests.support.feedback_script.HangingBackend"}
    }
    from django_sms_otp.delivery import send_feedback
    from django_sms_otp.models import OTPCode

    send_feedback(OTPCode(backend="default", message_id="parent"))
    wait_for(1)
    # As a server does that makes its workers anew.
    child = os.fork()
    if not child:
        send_feedback(OTPCode(backend="default", message_id="child"))
        wait_for(2)
        sys.exit()
    _, status = os.waitpid(child, 0)
    sys.exit(status)


if __name__ == "__main__":
    main()
