"""Log people in by SMS: one-time codes for Django, JSON Web Tokens in return."""

__version__ = "0.1.0"
