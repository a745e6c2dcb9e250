"""How fast this app is beside a bare one and beside its peers, in one run on one machine.

``tox run -e benchmark`` installs each contestant in an environment of its own, runs them in
turn on one PostgreSQL and prints tables; ``tests/test_benchmark_peers.py`` holds the function
calls and statements. What is compared, and what is not, is in ``docs/benchmarks.md``.

``sites`` has a small site for each contestant, ``inside`` what runs within its environment, and
this package what compares them.
"""
