"""Receipts: gateways call back and tell whether a message has arrived.

``receipts`` and ``base`` know no gateway. For another gateway, its backend names a subclass of
``ReceiptView``: see "Other gateways" in the documentation of receipts.
"""

from .base import ReceiptView
from .receipts import Receipt

__all__ = ["Receipt", "ReceiptView"]
