"""Measurements that take too long for the tests, or need other packages.

``peers`` compares a login with a bare app and with other packages. ``scale`` measures this app
alone: beside ten million codes, under limits that all requests share, and beside another
checkout of itself. Nothing here imports the tests, and nothing imports this.
"""
