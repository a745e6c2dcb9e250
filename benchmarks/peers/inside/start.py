"""Load a contestant's site, as a server's process does before its first request.

Told are the seconds that it took, and the bytes that the process then has.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    began = time.perf_counter()
    # What is measured.
    from django.core.wsgi import get_wsgi_application
    from django.urls import get_resolver

    get_wsgi_application()
    _ = get_resolver().url_patterns
    taken = time.perf_counter() - began
    json.dump([taken, _resident()], sys.stdout)


def _resident() -> int:
    file = Path("/proc/self/statm")
    if file.exists():
        return int(file.read_text().split()[1]) * resource.getpagesize()
    # Macintosh, which counts in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
