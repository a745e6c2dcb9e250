"""A real server for the tests: gunicorn, two processes of eight threads, the test database."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

PATIENCE = 60.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]


class Server:
    def __init__(self, folder: Path) -> None:
        self._messages = folder / "messages.jsonl"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{probe.getsockname()[1]}"
        self._log = (folder / "server.log").open("w+")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "--workers=2", "--threads=8"),
                *("--backlog=512", f"--bind={self._address}", "tests.wsgi"),
            ],
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "tests.server_settings",
                "TEST_SERVER_DATABASE": str(connection.settings_dict["NAME"]),
                "TEST_SERVER_MESSAGES": str(folder),
            },
            stdout=self._log,
            stderr=self._log,
        )
        self._wait()

    def post(self, path: str, **body: object) -> Answer:
        request = urllib.request.Request(
            f"http://{self._address}/auth/sms/{path}/",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with DIRECT.open(request, timeout=PATIENCE) as response:
                return Answer(response.status, json.load(response))
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.load(error))

    def messages(self, phone_number: str) -> list[dict[str, Any]]:
        lines = self._messages.read_text().splitlines()
        return [message for message in map(json.loads, lines) if message["to"] == phone_number]

    def code(self, phone_number: str) -> str:
        """Return the digits of the only message to a number."""
        (message,) = self.messages(phone_number)
        return str(message["body"]).rsplit(" ", 1)[-1]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._log.close()

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text()

    def _wait(self) -> None:
        host, port = self._address.split(":")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as client:
                if client.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"The server did not start:\n{self.log()}")


def at_once(calls: Iterable[Callable[[], Answer]]) -> list[Answer]:
    """Run all calls in parallel and return their answers."""
    todo = list(calls)
    with ThreadPoolExecutor(len(todo)) as pool:
        return [future.result() for future in [pool.submit(call) for call in todo]]
