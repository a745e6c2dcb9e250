"""Measures this app alone.

``python -m benchmarks.scale`` fills ten million codes, and compares each request with the same
request beside none. ``--shared-limits`` lets many clients ask under a limit that all of them
share. ``--processor-time --app PATH`` compares the processor time of a login with that of
another checkout. Each prints ratios within its run, and fails on a broken promise.
"""
