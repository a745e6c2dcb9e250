"""What a login takes of the processors, the database's disk and its connections, and how each
grows.

``tox run -e sizing`` measures it on PostgreSQL and writes the tables into ``docs/sizing.md``;
it fails where what a login takes grows with the number of logins. Only what does not hang on
the machine is told: bytes, and ratios within the run.
"""
