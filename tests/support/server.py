"""A real server for the tests: gunicorn, some processes of some threads, or uvicorn; and the
test database."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from django.db import connection

from .clock import Clock

PATIENCE = 60.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
JSON = "application/json"
CSRF_TOKEN = "c" * 32
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Answer:
    """``body`` is empty where it is no JSON; the names of ``headers`` are in lower case."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def retry_after(self) -> timedelta | None:
        wait = self.headers.get("retry-after")
        return timedelta(seconds=int(wait)) if wait else None


class Server:
    """Answers over HTTP, and keeps what it sends in a file.

    :param options: of gunicorn.
    :param is_asgi: serve over ASGI, by one process of uvicorn.
    :param database: what its ``DATABASES["default"]`` has otherwise than that of the tests.
    :param sms_otp: the setting of this name; ``None``: as in tests/settings.py.
    :param clock: to take the time from.
    :param variables: more of the environment.
    """

    def __init__(
        self,
        folder: Path,
        *,
        application: str = "tests.support.wsgi",
        options: Sequence[str] = ("--workers=2", "--threads=8"),
        is_asgi: bool = False,
        database: Mapping[str, Any] = NOTHING,
        sms_otp: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        variables: Mapping[str, str] = NOTHING,
    ) -> None:
        self.messages_file = folder / "messages.jsonl"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
            self._address = f"127.0.0.1:{self.port}"
        self._log = (folder / "server.log").open("w+")
        command = [
            "gunicorn",
            *options,
            "--backlog=512",
            f"--bind={self._address}",
            application,
        ]
        if is_asgi:
            command = ["uvicorn", f"--port={self.port}", "tests.support.asgi:application"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environment(folder, database=database, sms_otp=sms_otp, clock=clock)
            | dict(variables),
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The id of gunicorn's first process, which the others are children of."""
        return self._process.pid

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    def post(self, path: str, *, forwarded_for: str = "", **body: object) -> Answer:
        """Post JSON; ``forwarded_for``: as a proxy in front says who the client is."""
        return self._send(path, json.dumps(body), {"X-Forwarded-For": forwarded_for})

    def send_as(
        self, session: str, path: str, *, method: str = "POST", **body: object
    ) -> Answer:
        """Send JSON with the cookie of a session, and a CSRF token as its pages have it."""
        headers = {
            "Cookie": f"sessionid={session}; csrftoken={CSRF_TOKEN}",
            "X-CSRFToken": CSRF_TOKEN,
        }
        return self._send(path, json.dumps(body), headers, method=method)

    def post_from_page(
        self, path: str, origin: str, forwarded_for: str, *, is_form: bool, **body: str
    ) -> Answer:
        """Post a form or JSON, as a browser does for a page of another site."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded" if is_form else JSON,
            "Sec-Fetch-Site": "cross-site",
            "Origin": origin,
            "X-Forwarded-For": forwarded_for,
        }
        data = urllib.parse.urlencode(body) if is_form else json.dumps(body)
        return self._send(path, data, headers)

    def _send(
        self, path: str, data: str, headers: Mapping[str, str], *, method: str = "POST"
    ) -> Answer:
        given = {name: value for name, value in headers.items() if value}
        request = urllib.request.Request(
            f"{self.url}/auth/sms/{path}/",
            data=data.encode(),
            headers={"Content-Type": JSON, **given},
            method=method,
        )
        try:
            with DIRECT.open(request, timeout=PATIENCE) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error)

    def all_messages(self) -> list[dict[str, Any]]:
        if not self.messages_file.exists():
            return []
        return [json.loads(line) for line in self.messages_file.read_text().splitlines()]

    def messages(self, phone_number: str) -> list[dict[str, Any]]:
        return [message for message in self.all_messages() if message["to"] == phone_number]

    def forget_messages(self) -> None:
        self.messages_file.unlink(missing_ok=True)

    def code(self, phone_number: str) -> str:
        """Return the digits of the only message to a number."""
        (message,) = self.messages(phone_number)
        return digits(message)

    def last_code(self, phone_number: str) -> str:
        """Return the digits of the newest message to a number."""
        return digits(self.messages(phone_number)[-1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

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


def environment(
    folder: Path,
    *,
    database: Mapping[str, Any] = NOTHING,
    sms_otp: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> dict[str, str]:
    """Return the variables of a process that runs on tests/support/server_settings.py."""
    name = str(connection.settings_dict["NAME"])
    added = {
        "DJANGO_SETTINGS_MODULE": "tests.support.server_settings",
        "TEST_SERVER_DATABASE": json.dumps({"NAME": name, **database}),
        "TEST_SERVER_MESSAGES": str(folder),
    }
    if sms_otp is not None:
        added["TEST_SERVER_SMS_OTP"] = json.dumps(sms_otp)
    if clock is not None:
        added["TEST_SERVER_CLOCK"] = str(clock.file)
    return os.environ | added


def digits(message: Mapping[str, Any]) -> str:
    """Return the code of a message in the words of the default."""
    return str(message["body"]).rsplit(" ", 1)[-1]


def at_once(calls: Iterable[Callable[[], Answer]], *, threads: int = 0) -> list[Answer]:
    """Run all calls in parallel and return their answers; ``threads``: 0 for one a call."""
    todo = list(calls)
    with ThreadPoolExecutor(threads or len(todo)) as pool:
        return [future.result() for future in [pool.submit(call) for call in todo]]


def _answer(status: int, response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    text = response.read()
    is_json = headers.get("content-type") == JSON
    return Answer(status, json.loads(text) if is_json else {}, headers)
