"""The answers that no request of the app's own two views provokes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from django_sms_otp.api.numbers import numbers
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


class InOtherWords(SessionAuthentication):
    """As of a site that has translated it."""

    def authenticate(self, request: Request) -> None:
        self.enforce_csrf(request)

    def enforce_csrf(self, request: Request) -> None:
        raise PermissionDenied("El testigo falta.")


class Banned(BaseAuthentication):
    def authenticate(self, request: Request) -> None:
        raise PermissionDenied("CSRF Failed: so it looks.")


@pytest.mark.parametrize(
    ("by", "code"), [(InOtherWords, "csrf_failed"), (Banned, "permission_denied")]
)
def test_what_lacks_the_csrf_token_is_not_told_by_its_words(
    settings: Any, by: type[BaseAuthentication], code: str
) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.{by.__name__}"]}
    answer: Any = numbers(RequestFactory().get("/"))
    assert (answer.status_code, answer.data["code"]) == (403, code)
