"""HTTP to a gateway: one request, bounded in time, and quiet about its content."""

from .deadline import within
from .exchange import Answer, post

__all__ = ["Answer", "post", "within"]
