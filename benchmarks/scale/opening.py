"""A process that counts codes, and opens the dashboard.

Started by :mod:`benchmarks.scale.dashboard`. Reads a command, a JSON list, from each line.
"""

from __future__ import annotations

import json
import sys
import time

import django

if __name__ == "__main__":
    django.setup()

from django.contrib.auth.models import User
from django.test import Client

from django_sms_otp.stats.rollup import roll_up

PAGE = "/admin/django_sms_otp/hourlycount/dashboard/"


def opened(client: Client, span: str) -> float:
    """Return the seconds that the page takes."""
    start = time.perf_counter()
    response = client.get(PAGE, {"span": span})
    seconds = time.perf_counter() - start
    if response.status_code != 200:
        raise RuntimeError(f"The dashboard answered {response.status_code}.")
    return seconds


def main() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answer = roll_up().counts if command == "count" else opened(client, *arguments)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
