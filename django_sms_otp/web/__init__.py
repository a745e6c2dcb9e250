"""The login pages: number, code, session. HTML, as ``api`` is JSON."""
