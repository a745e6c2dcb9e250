"""How long people wait for their code while a gateway is down.

``tox run -e delivery`` runs it at full size and prints a table; ``tests/test_delivery_run.py``
runs it with fewer requests. Times are told as ratios: to the time-out that is set, and to what
the same requests took in the same run while both gateways worked.
"""
