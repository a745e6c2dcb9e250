from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone


def expiry() -> datetime:
    return timezone.now() + timedelta(hours=1)


class Code(models.Model):
    """A code as it was sent."""

    phone_number = models.CharField(max_length=16, db_index=True)
    code = models.CharField(max_length=6)
    expires_at = models.DateTimeField(default=expiry)
    redeemed_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Code]] = models.Manager()

    class Meta:
        app_label = "bare"

    def __str__(self) -> str:
        return self.phone_number
