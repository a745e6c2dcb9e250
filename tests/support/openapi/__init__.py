"""``openapi.yaml`` as a judge of every answer that a test sees, and of the tests."""

from .document import DOCUMENT, FILE, Node, Operation, operation_of, operations
from .judge import Exchange, NotAsDocumented, judge
from .watching import watch_clients

__all__ = [
    "DOCUMENT",
    "FILE",
    "Exchange",
    "Node",
    "NotAsDocumented",
    "Operation",
    "judge",
    "operation_of",
    "operations",
    "watch_clients",
]
