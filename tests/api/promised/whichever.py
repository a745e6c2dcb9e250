"""The answers that many endpoints have. Each gets those that its documentation has."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client

from django_sms_otp.api.parsers import LARGEST_BODY
from django_sms_otp.exceptions import Contention
from tests.support.openapi import operations
from tests.support.openapi.promises import promises_of

from .base import GOOD, GUESSES, WAIT, Site, case
from .codes import OF_GUESSES, OF_NUMBERS, OF_OWN_NUMBERS, OF_SENDING, Answers

CONTENDERS = ("numbers", "redeem", "request")
"""The modules of ``services`` that change a number's row for an endpoint."""


def malformed(site: Site, operation: str) -> Any:
    return site.call(operation, "{")


def wrong_types(site: Site, operation: str) -> Any:
    return site.call(operation, {"phone_number": 1, "code": 1, "number": 1})


def not_logged_in(site: Site, operation: str) -> Any:
    path = GOOD[operation].path(site)
    site.client.logout()
    return site.call(operation, path=path)


def from_another_site(site: Site, operation: str) -> Any:
    return site.call(operation, sec_fetch_site="cross-site", origin="https://advert.example")


def without_csrf_token(site: Site, operation: str) -> Any:
    path = GOOD[operation].path(site)
    kept = site.client.cookies
    kept.pop(settings.CSRF_COOKIE_NAME, None)
    site.client = Client(enforce_csrf_checks=True)
    site.client.cookies = kept
    return site.call(operation, path=path)


def too_large(site: Site, operation: str) -> Any:
    return site.call(operation, "x" * (LARGEST_BODY + 1))


def xml(site: Site, operation: str) -> Any:
    return site.call(operation, "<a/>", "application/xml")


def contended(site: Site, operation: str) -> Any:
    def lose(*_args: object, **_kwargs: object) -> None:
        raise Contention

    for module in CONTENDERS:
        site.monkeypatch.setattr(f"django_sms_otp.services.{module}.change_number", lose)
    return site.call(operation)


def without_database(site: Site, operation: str) -> Any:
    def fail(*_args: object) -> None:
        raise OperationalError

    path = GOOD[operation].path(site)
    with connection.execute_wrapper(fail):
        return site.call(operation, path=path)


ANSWERS: Answers = [
    (400, "invalid", (), malformed),
    (400, "invalid", ("field errors",), wrong_types),
    (401, "not_authenticated", (), not_logged_in),
    (403, "cross_site", (), from_another_site),
    (403, "csrf_failed", (), without_csrf_token),
    (413, "request_too_large", (), too_large),
    (415, "unsupported_media_type", (), xml),
    (503, "busy", WAIT, contended),
    (503, "unavailable", WAIT, without_database),
]


def register_all() -> None:
    for operation, good in GOOD.items():
        answers = [*ANSWERS]
        if "phone_number" in good.body:
            answers += OF_NUMBERS
        elif operation in GUESSES:
            answers += OF_OWN_NUMBERS
        if operation in GUESSES:
            answers += OF_SENDING
        if operation in GUESSES.values():
            answers += OF_GUESSES
        for status, code, shows, request in answers:
            if is_documented(operation, status, code):
                register = case(operation, status, code, shows=shows)
                register(partial(request, operation=operation))


def is_documented(operation: str, status: int, code: str) -> bool:
    response = operations()[operation].responses.get(status)
    return response is not None and (not code or f"code {code}" in promises_of(response))
