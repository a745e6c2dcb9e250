"""What gateways call back: whether a message has arrived.

``receipts`` and ``base`` know no gateway. Another gateway is a subclass of ``ReceiptView`` in a
file of its own: see "Other gateways" in the documentation of receipts.
"""

from .base import ReceiptView
from .receipts import Receipt

__all__ = ["Receipt", "ReceiptView"]
