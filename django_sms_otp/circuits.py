"""A circuit breaker for each backend: kept in the database, where all processes see it."""
