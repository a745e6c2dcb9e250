"""Backends by alias, and those for development and tests."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
import uuid
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from django_sms_otp.backends import (
    BaseSMSBackend,
    SendResult,
    borrow,
    console,
    dummy,
    file,
    get_backend,
    locmem,
)
from django_sms_otp.backends.registry import MOST_IDLE
from django_sms_otp.exceptions import (
    DeliveryError,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from django_sms_otp.testing import outbox

from ..conftest import PHONE
from ..support.gateways import CODE, make_message

REQUEST_ID = uuid.UUID(int=7)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOCMEM = "django_sms_otp.backends.locmem.SMSBackend"


# What a backend is


class Parent(BaseSMSBackend):
    def __init__(self, *, alias: str, colour: str = "", **options: Any) -> None:
        super().__init__(alias=alias, **options)


class Child(Parent):
    def __init__(self, *, alias: str, shape: str = "", **options: Any) -> None:
        super().__init__(alias=alias, **options)


def test_options_of_the_base_classes_are_among_those_that_are_proposed() -> None:
    assert Child.option_names() == ["shape", "colour"]
    with pytest.raises(InvalidBackend, match="Did you mean 'colour'"):
        Child(alias="default", color="red")


def test_a_backend_must_define_send() -> None:
    class Unfinished(BaseSMSBackend):
        pass

    with pytest.raises(NotImplementedError, match=r"Unfinished must define send\(\)"):
        Unfinished(alias="default").send(make_message())


def test_a_backend_knows_its_alias(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {"second": {"BACKEND": LOCMEM}}

    assert get_backend("second").alias == "second"


def test_a_backend_is_for_production_unless_it_says_otherwise() -> None:
    assert not BaseSMSBackend.development_only


def test_an_unknown_option_is_refused_with_the_nearest_of_the_subclass() -> None:
    class Gateway(BaseSMSBackend):
        def __init__(self, *, alias: str, timeout: float = 1, **options: Any) -> None:
            super().__init__(alias=alias, **options)
            self.timeout = timeout

    with pytest.raises(InvalidBackend) as caught:
        Gateway(alias="sms", timeuot=3)

    assert str(caught.value) == (
        "SMS_OTP_BACKENDS['sms']: unknown option 'timeuot'. Did you mean 'timeout'?"
    )


def test_a_repr_of_a_message_shows_neither_code_nor_body_nor_number() -> None:
    shown = repr(make_message()) + str(make_message())

    assert CODE not in shown
    assert "Your code" not in shown
    assert PHONE.removeprefix("+") not in shown
    assert str(REQUEST_ID) in shown


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        make_message().to = "+15005550006"  # type: ignore[misc]


# One instance a thread and alias


def test_an_alias_has_one_instance(settings: Any) -> None:
    entry = {"BACKEND": LOCMEM}
    settings.SMS_OTP_BACKENDS = {"default": entry, "second": entry}

    assert get_backend() is get_backend("default")
    assert get_backend() is not get_backend("second")


def test_a_message_has_an_instance_of_its_own() -> None:
    with borrow("default") as first, borrow("default") as second:
        assert first is not second
    with borrow("default") as again:
        assert again is first, "The one that was given back last."


def test_threads_that_come_and_go_share_one_instance() -> None:
    found: list[BaseSMSBackend] = []

    def use() -> None:
        with borrow("default") as backend:
            found.append(backend)

    for _ in range(20):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()

    assert len(found) == 20
    assert set(map(id, found)) == {id(get_backend())}


@pytest.mark.parametrize(
    ("error", "is_kept"), [(NotDelivered(), True), (DeliveryUnknown(), False)]
)
def test_an_instance_whose_call_may_be_under_way_is_not_used_again(
    error: DeliveryError, is_kept: bool
) -> None:
    with pytest.raises(DeliveryError), borrow("default") as first:
        raise error
    with borrow("default") as second:
        assert (first is second) is is_kept


def test_of_many_idle_instances_the_oldest_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[BaseSMSBackend] = []

    def close(backend: BaseSMSBackend) -> None:
        closed.append(backend)

    monkeypatch.setattr(BaseSMSBackend, "close", close)
    with ExitStack() as stack:
        lent = [stack.enter_context(borrow("default")) for _ in range(MOST_IDLE + 2)]

    assert closed == lent[:-3:-1]


def test_changed_settings_make_a_new_instance(settings: Any, tmp_path: Path) -> None:
    def entry(folder: str) -> dict[str, Any]:
        path = "django_sms_otp.backends.file.SMSBackend"
        return {"BACKEND": path, "OPTIONS": {"path": tmp_path / folder}}

    settings.SMS_OTP_BACKENDS = {"default": entry("first")}
    first = get_backend()

    settings.SMS_OTP_BACKENDS = {"default": entry("second")}
    second = get_backend()

    assert first is not second
    assert isinstance(second, file.SMSBackend)
    assert second.file.parent == tmp_path / "second"


def test_another_class_makes_a_new_instance(settings: Any) -> None:
    assert isinstance(get_backend(), locmem.SMSBackend)

    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": "django_sms_otp.backends.dummy.SMSBackend"}
    }

    assert isinstance(get_backend(), dummy.SMSBackend)


# console, dummy, locmem


@pytest.mark.parametrize(
    ("channel", "line"),
    [("sms", "SMS to"), ("whatsapp", "WhatsApp message to"), ("voice", "Call to")],
)
def test_console_names_the_channel(
    channel: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = replace(make_message(), channel=channel)
    console.SMSBackend(alias="default").send(message)

    assert f"{line} {PHONE}\n" in capsys.readouterr().out


@pytest.mark.parametrize("module", [console, dummy, file, locmem])
def test_backends_for_development_serve_all_channels(module: Any) -> None:
    assert module.SMSBackend.channels == {"sms", "whatsapp", "voice"}


def test_console_prints_number_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.SMSBackend(alias="default").send(make_message()) == SendResult()

    shown = capsys.readouterr()
    rule = "-" * 60
    assert shown.out == f"{rule}\nSMS to {PHONE}\n\nYour code is {CODE}\n{rule}\n"
    assert not shown.err


def test_dummy_drops_messages(capsys: pytest.CaptureFixture[str]) -> None:
    assert dummy.SMSBackend(alias="default").send(make_message()) == SendResult()

    assert capsys.readouterr() == ("", "")
    assert outbox == []


def test_locmem_keeps_messages_oldest_first() -> None:
    backend = locmem.SMSBackend(alias="default")

    assert backend.send(make_message(body="first")) == SendResult()
    backend.send(make_message(body="second"))

    assert [message.body for message in outbox] == ["first", "second"]
    assert outbox[0].code == CODE


def test_the_outbox_for_tests_is_that_of_the_backend() -> None:
    assert outbox is locmem.outbox


# file


@time_machine.travel(NOON, tick=False)
def test_file_writes_a_json_object_a_line(tmp_path: Path) -> None:
    backend = file.SMSBackend(alias="default", path=tmp_path)

    assert backend.send(make_message(body="Ваш код\n@example.com #482913")) == SendResult()
    backend.send(make_message(body="second"))

    first, second = (tmp_path / "messages.jsonl").read_text("utf-8").splitlines()
    assert json.loads(first) == {
        "to": PHONE,
        "body": "Ваш код\n@example.com #482913",
        "request_id": str(REQUEST_ID),
        "sent_at": "2026-05-01T12:00:00+00:00",
    }
    assert json.loads(second)["body"] == "second"


def test_file_makes_its_folder_only_when_it_sends(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    backend = file.SMSBackend(alias="default", path=str(folder))
    assert not folder.exists()

    backend.send(make_message())

    assert [each.name for each in folder.iterdir()] == ["messages.jsonl"]


def test_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    backend = file.SMSBackend(alias="default", path=tmp_path)

    backend.send(make_message())

    assert stat.S_IMODE(backend.file.stat().st_mode) == 0o600


def test_file_needs_a_folder() -> None:
    with pytest.raises(InvalidBackend, match="option 'path' must name a folder"):
        file.SMSBackend(alias="default", path="")


APPEND = """
import sys, uuid
from datetime import timedelta
from django.conf import settings
settings.configure(USE_TZ=True)
from django_sms_otp.backends.base import SMSMessage
from django_sms_otp.backends.file import SMSBackend
folder, letter, count, size = sys.argv[1:]
backend = SMSBackend(alias="default", path=folder)
message = SMSMessage(
    to="+14155552671", body=letter * int(size), code="1", purpose="login",
    request_id=uuid.uuid4(), valid_for=timedelta(minutes=1),
)
sys.stdout.write("ready")
sys.stdout.flush()
sys.stdin.read(1)
for _ in range(int(count)):
    backend.send(message)
"""


def test_file_lines_of_two_processes_do_not_mix(tmp_path: Path) -> None:
    # Longer than a buffer, so that a buffered write would take several.
    count, size = 200, 20_000
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(tmp_path), letter, str(count), str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for letter in "xy"
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"ready"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"!")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]

    bodies = [
        json.loads(line)["body"]
        for line in (tmp_path / "messages.jsonl").read_text("utf-8").splitlines()
    ]

    assert sorted(bodies) == ["x" * size] * count + ["y" * size] * count


def test_an_alias_that_no_row_has_room_for_is_refused(settings: Any) -> None:
    fits, too_long = "a" * 64, "a" * 65
    settings.SMS_OTP_BACKENDS = {alias: {"BACKEND": LOCMEM} for alias in (fits, too_long)}
    assert get_backend(fits).alias == fits
    with pytest.raises(InvalidBackend, match="64 characters at most"):
        get_backend(too_long)
