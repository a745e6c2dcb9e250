"""The statements of a login with this app, and nothing else: what is left to the rest of it.

They are the app's own, sent as it sends them, with values that take no thought: nobody's limit
is decided, no message is written, no code is derived.
"""
