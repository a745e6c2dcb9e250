"""What a process that takes times does besides."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from benchmarks.scale import probe
from django_sms_otp.testing import override_sms_otp


@pytest.mark.django_db
@override_sms_otp(TRUSTED_PROXY_COUNT=1)
def test_the_first_request_after_a_pause_is_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []
    post = Client.post

    def noted(client: Client, path: str, *args: Any, **options: Any) -> Any:
        sent.append(path)
        return post(client, path, *args, **options)

    monkeypatch.setattr(Client, "post", noted)
    times = probe.requests(1)
    assert len(sent) == len(times) + 1
    assert "warm-up" not in times
