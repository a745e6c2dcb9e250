"""The arithmetic of limits: rates, and what a row remembers. Pure: no I/O, no settings."""
