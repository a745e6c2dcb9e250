"""What failed before there was a connection was certainly not sent, for every gateway."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import override_settings

from django_sms_otp.backends import get_backend
from django_sms_otp.exceptions import NotDelivered

from ..support import fake_aws
from ..support.every_gateway import ENTRIES
from ..support.gateways import make_message, unreachable
from ..support.lines import serving

each = pytest.mark.parametrize("kind", ENTRIES)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_aws.CREDENTIALS.items():
        monkeypatch.setenv(name, value)


def failure_at(url: str, kind: str) -> NotDelivered:
    with override_settings(SMS_OTP_BACKENDS={"default": ENTRIES[kind](url)}):
        backend = get_backend()
        with pytest.raises(NotDelivered) as caught:
            backend.send(make_message())
    return caught.value


def break_off(connection: socket.socket) -> None:
    connection.recv(65536)


def speak_no_tls(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 TLS?\r\n\r\n")


def refuse(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # The alert "handshake failure".


@each
@pytest.mark.parametrize("serve", [break_off, speak_no_tls, refuse])
def test_a_tls_handshake_that_fails(kind: str, serve: Callable[[socket.socket], None]) -> None:
    line: AbstractContextManager[int] = serving(serve)
    with line as port:
        error = failure_at(f"https://127.0.0.1:{port}", kind)

    assert error.counts_against_gateway
    assert not error.is_lasting


@each
def test_a_connection_that_is_refused(kind: str) -> None:
    assert not failure_at(unreachable(), kind).is_lasting


@each
def test_a_host_whose_name_is_unknown(kind: str) -> None:
    assert not failure_at("https://nowhere.invalid", kind).is_lasting
