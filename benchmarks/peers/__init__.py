"""Compares this app with a bare one and with other packages, in one run on one machine.

``tox run -e benchmark`` installs each contestant in an environment of its own, lets them take
turns on one PostgreSQL and prints tables. ``-- --calls`` counts the function calls and
statements of this app and the bare one, and nothing else. Both fail on a broken promise.
"""
