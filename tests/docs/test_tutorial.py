"""Follow the tutorial: write its files, run its commands, send its requests."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import pages
from .answers import assert_as_promised
from .pages import Block, Curl

PATIENCE = 30.0
"""Seconds to wait for the server."""

OURS = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "TEST_DATABASE", "TEST_SQLITE_FOLDER"}


class Newcomer:
    """Does what the page says, block by block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "server.log"
        self.environment = {key: value for key, value in os.environ.items() if key not in OURS}
        self.environment["PYTHONPATH"] = str(pages.ROOT)
        self.server: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.access = ""
        self.request_ids: dict[str, str] = {}

    def follow(self, block: Block) -> None:
        if block.language == "python":
            file = self.folder / block.title
            mode = "a" if file.name == "settings.py" else "w"
            with file.open(mode, encoding="utf-8") as target:
                target.write(f"\n{block.text}")
        elif block.language == "console" and not block.text.startswith("curl "):
            for words in pages.commands(block):
                self.run(words)

    def run(self, words: list[str]) -> None:
        match words:
            case ["export", assignment]:
                name, _, value = assignment.partition("=")
                self.environment[name] = value
            case ["mkdir", _] | ["cd", _] | ["source", _] | ["pip", *_]:
                pass  # The folder is there, and so is all that is needed.
            case ["python3", "-m", "venv", _]:
                pass
            case ["django-admin", *arguments]:
                self.python("-m", "django", *arguments)
            case ["python", "manage.py", "runserver"]:
                self.start_server()
            case ["python", "manage.py", *arguments]:
                self.python("manage.py", *arguments)
            case _:
                pytest.fail(f"Nobody knows how to do {words}.")

    def python(self, *arguments: str) -> None:
        result = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
            text=True,
            timeout=120,
        )
        if "--deploy" in arguments:
            # Django's own checks find much in a new project, from 6.1 on errors among it.
            assert re.findall(r"sms_otp\.\w+", result.stderr) == ["sms_otp.W014"]
            return
        assert result.returncode == 0, result.stderr

    def start_server(self) -> None:
        with self.output.open("wb") as output:
            self.server = subprocess.Popen(
                [sys.executable, "-u", "manage.py", "runserver", "--noreload", str(self.port)],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        pytest.fail(self.output.read_text(encoding="utf-8"))

    def send(self, curl: Curl) -> None:
        body = curl.body.replace("492817", self.received_code())
        for documented, real in self.request_ids.items():
            body = body.replace(documented, real)
        headers = dict(curl.headers)
        if "Authorization" in headers:
            headers["Authorization"] = f"Bearer {self.access}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{curl.path}",
            data=body.encode() or None,
            headers=headers,
            method=curl.method,
        )
        status, answer = answer_to(request)
        assert status == curl.status, answer
        assert_as_promised(curl.answer, answer)
        self.access = answer.get("access", self.access)
        if status == 202:
            self.request_ids[curl.answer["request_id"]] = answer["request_id"]

    def received_code(self) -> str:
        found = re.findall(r"Your .* code is (\d+)", self.output.read_text(encoding="utf-8"))
        return found[-1] if found else ""

    def stop(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(PATIENCE)


def answer_to(request: urllib.request.Request) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    newcomer = Newcomer(tmp_path)
    yield newcomer
    newcomer.stop()


def test_tutorial_works(newcomer: Newcomer) -> None:
    path = pages.page("tutorial.md")
    requests = iter(pages.curls(path))
    for block in pages.blocks(path):
        if block.text.startswith("curl "):
            newcomer.send(next(requests))
        else:
            newcomer.follow(block)
    assert not list(requests)
    assert newcomer.received_code()
