"""Backends that hand messages on to others: routes, and a circuit for each of the others."""
