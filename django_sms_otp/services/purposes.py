"""What a code authorises. A code of one purpose is never taken for another."""

LOGIN = "login"
"""The purpose of the public endpoints."""
