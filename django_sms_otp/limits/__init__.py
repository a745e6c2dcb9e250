"""The arithmetic of limits: rates, and the state of a row. No I/O, no settings."""
