"""What deleting a million codes takes: by one statement, and by the command's batches."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from django_sms_otp.management.batches import MAX_ROWS, delete_in_batches
from django_sms_otp.management.commands.purge_otp_codes import old_codes
from django_sms_otp.models import OTPCode

__all__ = ["by_batches", "by_one_statement", "oldest_but"]


def oldest_but(rows: int) -> timedelta:
    """Return the age beyond which there are so many rows."""
    times = OTPCode.objects.order_by("created_at").values_list("created_at", flat=True)
    return timezone.now() - times[rows]


def by_one_statement(older_than: timedelta) -> float:
    """Return seconds."""
    start = time.perf_counter()
    old_codes(timezone.now(), older_than).rows.delete()
    return time.perf_counter() - start


def by_batches(older_than: timedelta) -> tuple[float, float]:
    """Return seconds: of all batches, and of the longest."""
    start = time.perf_counter()
    last, longest = start, 0.0
    for _ in delete_in_batches(old_codes(timezone.now(), older_than), MAX_ROWS):
        now = time.perf_counter()
        longest = max(longest, now - last)
        last = now
    return time.perf_counter() - start, longest
