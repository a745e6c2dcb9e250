"""A load test: ``locustfile.py``, for any staging site, and a site of its own to try it on.

``tox run -e load`` starts that site, lets people log in for a minute, and fails on any answer
that they should not have got.
"""
