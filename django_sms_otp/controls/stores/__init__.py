"""Counts the limits that many numbers share in Redis or Valkey instead of rows."""

from .store import LimitStore, Taken, get_store

__all__ = ["LimitStore", "Taken", "get_store"]
