"""What a server needs for meeting faults on demand, and the faults themselves.

``points``, ``clock``, ``backend``, ``middleware`` and ``apps`` run in the server's process; the
rest runs in the test's. Between them are two files: ``fault`` says what is to happen, once, and
``clock`` how far the clock is off.
"""
