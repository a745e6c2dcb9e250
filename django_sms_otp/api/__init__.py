"""The JSON API: an adapter of ``services`` to HTTP."""
