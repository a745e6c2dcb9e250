"""Attacks on a real server, and what they got against what the limits allow.

``tox run -e attacks`` runs all of them and prints a table; ``test_attacks.py`` runs them with
fewer rounds. Everything is counted from outside (answers, messages) and in the database.
"""
