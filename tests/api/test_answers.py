"""The answers that no request of the app's own two views provokes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.throttling import BaseThrottle

from django_sms_otp.api.views import GetCodeView


class Throttle(BaseThrottle):
    """Lets nobody through. A site may throttle its own subclass of a view."""

    seconds: float | None = None

    def allow_request(self, *_args: object) -> bool:
        return False

    def wait(self) -> float | None:
        return self.seconds


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(7.2, {"retry_after": 8}), (0, {"retry_after": 1}), (None, {})],
)
def test_a_throttle_of_the_site_tells_its_wait_in_body_and_header(
    monkeypatch: pytest.MonkeyPatch, seconds: float | None, told: dict[str, int]
) -> None:
    monkeypatch.setattr(Throttle, "seconds", seconds)
    view = GetCodeView.as_view(throttle_classes=[Throttle])
    answer: Any = view(RequestFactory().post("/"))
    assert answer.status_code == 429
    assert answer.data == {**told, "detail": answer.data["detail"], "code": "throttled"}
    header = answer.headers.get("Retry-After")
    assert header == (str(told["retry_after"]) if told else None)
