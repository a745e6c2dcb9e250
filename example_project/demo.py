"""Start the example site and log in over HTTP, as a client would. Exit with 0 on success."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from queue import Queue
from typing import Any, Self

HERE = Path(__file__).resolve().parent
PHONE = "+14155552671"
ANOTHER_PHONE = "+14155552672"
NEW_PHONE = "+14155552673"
PATIENCE = 60.0

NEXT = """
Everything worked: one login, one refused guess, one call, one change of the number.

What to do next:
  .venv/bin/tox run -e example    keeps the site running, so that you can use it in a browser
  docs/tutorial.md                builds the same login into a site of your own
  docs/xano.md                    maps Xano's "One-Time Password SMS with Twilio" to this app
"""

# The site is on this machine, whatever proxy the environment names.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class DemoFailed(Exception):
    """The site did not behave as expected."""


class Site:
    """The example site in its own process, with a fresh database and the console backend."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        foreign = ("TWILIO_", "DJANGO_", "DATABASE_URL")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        self._environment = kept | {
            "DATABASE_URL": f"sqlite:///{folder}/demo.sqlite3",
            "PYTHONUNBUFFERED": "1",
        }
        self.lines: Queue[str] = Queue()

    def __enter__(self) -> Self:
        self._manage("migrate", "--verbosity", "0").communicate()
        self._process = self._manage("runserver", "--noreload", f"127.0.0.1:{self.port}")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()

    def message(self, what: str) -> list[str]:
        """Return the next message, and print it as the console shows it."""
        shown: list[str] = []
        while len([line for line in shown if line.startswith("----")]) < 2:
            line = self.lines.get(timeout=PATIENCE)
            if shown or line.startswith("----"):
                shown.append(line)
        print("\n".join(["", f"*** {what}", *(f"    {line}" for line in shown)]))
        return shown

    def code(self, length: int) -> str:
        """Return the code of the next message."""
        found = re.search(rf"\b\d{{{length}}}\b", "\n".join(self.message("the SMS")[1:]))
        if found is None:
            raise DemoFailed("There is no code in the SMS.")
        return found[0]

    def call(
        self, method: str, path: str, body: dict[str, str] | None = None, token: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """Make a request, print it with its answer, and return status and body."""
        print(f"\n>>> {method} {path}")
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
            print(f"    Authorization: Bearer {token[:12]}...")
        if body:
            print(_indented(body))
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode() if body else None,
            headers=headers,
            method=method,
        )
        try:
            with DIRECT.open(request, timeout=PATIENCE) as response:
                status, answer = response.status, json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            status, answer = error.code, json.load(error)
        print(f"<<< {status}")
        print(_indented(answer))
        return status, answer

    def _manage(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=HERE,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.lines.put(line.rstrip("\n"))

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise DemoFailed("The site did not start:\n" + "\n".join(self.lines.queue))


def expect(what: str, actual: object, wanted: object) -> None:
    if actual != wanted:
        raise DemoFailed(f"{what}: expected {wanted!r}, got {actual!r}")
    print(f"    ok: {what}")


def log_in(site: Site) -> str:
    """Log in, and return an access token."""
    with DIRECT.open(site.url, timeout=PATIENCE) as page:
        expect("the site has a home page", page.status, 200)

    status, answer = site.call("POST", "/api/auth/sms/get-code/", {"phone_number": PHONE})
    expect("the code is on its way", status, 202)

    code = site.code(answer["code_length"])
    wrong = str((int(code) + 1) % 10 ** len(code)).zfill(len(code))
    guess = {"phone_number": PHONE, "code": wrong}
    status, answer = site.call("POST", "/api/auth/sms/auth-code/", guess)
    expect("a wrong code is refused", (status, answer["code"]), (401, "invalid_code"))

    right = {"phone_number": PHONE, "code": code}
    status, tokens = site.call("POST", "/api/auth/sms/auth-code/", right)
    expect(
        "the right code gives tokens", (status, sorted(tokens)), (200, ["access", "refresh"])
    )
    expect("the token says how", _claims(tokens["access"])["amr"], ["sms", "otp"])

    status, person = site.call("GET", "/api/me/", token=tokens["access"])
    expect("the token opens api/me/", status, 200)
    expect("the account has the number", person["phone_numbers"], ["+1********71"])

    body = {"refresh": tokens["refresh"]}
    status, fresh = site.call("POST", "/api/auth/token/refresh/", body)
    expect("the refresh token works", (status, "access" in fresh), (200, True))

    status, answer = site.call("POST", "/api/auth/sms/auth-code/", right)
    expect("the code works once only", (status, answer["code"]), (401, "invalid_code"))

    status, _ = site.call("GET", "/api/me/")
    expect("without a token api/me/ is closed", status, 401)

    body = {"phone_number": ANOTHER_PHONE, "channel": "voice"}
    status, _ = site.call("POST", "/api/auth/sms/get-code/", body)
    expect("a call is on its way", status, 202)
    expect("it is a call", site.message("the call")[1], f"Call to {ANOTHER_PHONE}")
    return str(fresh["access"])


def change_number(site: Site, token: str) -> None:
    """Put a new number in the place of the old one, as a person with a new phone does."""
    numbers = "/api/auth/sms/numbers/"
    status, answer = site.call("GET", numbers, token=token)
    [old] = answer["numbers"]
    expect("the account has one number", old["phone_number"], PHONE)

    status, answer = site.call("POST", numbers, {"phone_number": NEW_PHONE}, token)
    expect("the new number gets a code", status, 202)
    code = site.code(answer["code_length"])
    proof = {"phone_number": NEW_PHONE, "code": code, "replaces": old["id"]}
    status, _ = site.call("POST", f"{numbers}verify/", proof, token)
    expect("the new number replaces the old one", status, 201)
    notice = site.message("what the old number is told")
    expect("the old number is told", notice[1], f"SMS to {PHONE}")

    status, answer = site.call("GET", numbers, token=token)
    found = [(each["phone_number"], each["is_primary"]) for each in answer["numbers"]]
    expect("the account has the new number", found, [(NEW_PHONE, True)])
    status, answer = site.call("DELETE", f"{numbers}{answer['numbers'][0]['id']}/", token=token)
    expect("the last way in stays", (status, answer["code"]), (409, "last_way_in"))


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def _indented(body: dict[str, Any]) -> str:
    short = {
        name: f"{value[:40]}..." if isinstance(value, str) and len(value) > 120 else value
        for name, value in body.items()
    }
    return "\n".join(f"    {line}" for line in json.dumps(short, indent=2).splitlines())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Site(Path(folder)) as site:
                print(f"The example site runs on {site.url}")
                change_number(site, log_in(site))
        except DemoFailed as error:
            print(f"\nFAILED: {error}", file=sys.stderr)
            return 1
    print(NEXT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
