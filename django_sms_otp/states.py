"""What may become of a code, and of its message."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["RECEIVED", "CodeState", "DeliveryState"]


class CodeState(models.TextChoices):
    """What has become of a code, as staff see it."""

    LIVE = "live", _("live")
    REDEEMED = "redeemed", _("redeemed")
    EXPIRED = "expired", _("expired")
    SUPERSEDED = "superseded", _("superseded")
    LOCKED = "locked", _("locked")
    DELIVERY_FAILED = "delivery_failed", _("delivery failed")


class DeliveryState(models.TextChoices):
    """How far a message has come.

    Who is about to call the gateway claims the message first, and from then on until there is
    an answer it is unknown whether the message left: so a process that is killed in between
    leaves behind what is true.
    """

    PENDING = "pending", _("waiting to be sent")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    UNDELIVERED = "undelivered", _("not delivered")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")
    WITHHELD = "withheld", _("withheld")


RECEIVED = (DeliveryState.DELIVERED, DeliveryState.UNDELIVERED)
"""What only a receipt tells, and nothing changes any more."""
