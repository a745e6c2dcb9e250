"""Attacks on a real server, and how far they got against the limits.

``tox run -e attacks`` runs all of them and prints a table; ``test_attacks.py`` runs them with
fewer rounds. They count from outside (answers, messages) and in the
database.
"""
