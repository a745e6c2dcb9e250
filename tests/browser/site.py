"""The site of the tests: our pages, and what a site puts around them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from django_sms_otp.auth.step_up import sms_verified

__all__ = ["POLICY", "StrictPolicy", "urlpatterns"]

POLICY = "default-src 'self'"


class StrictPolicy:
    """Middleware: every page has a strict policy, unless a test has set another one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


def home(request: HttpRequest) -> HttpResponse:
    """A page with the app's forms in the midst of its own text."""
    return render(request, "browser/home.html")


@sms_verified(within=timedelta(minutes=5))
def pay(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<title>Paid</title><h1>Paid</h1>")


urlpatterns = [
    path("", home),
    path("pay/", pay),
    path("admin/", admin.site.urls),
    path("login/", include("django_sms_otp.web.urls")),
]
