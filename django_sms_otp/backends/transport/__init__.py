"""HTTP to a gateway: one exchange, bounded in time, and quiet about what it carries."""
