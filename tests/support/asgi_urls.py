"""Routes of a site over ASGI, with async views, and a middleware that is not async."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from django_sms_otp.client import client_of
from django_sms_otp.results import CodeRequested
from django_sms_otp.services import aread_phone_number, arequest_code


async def alive(_request: HttpRequest) -> JsonResponse:
    """Answer from the loop."""
    return JsonResponse({})


async def get_code(request: HttpRequest) -> JsonResponse:
    number = await aread_phone_number(json.loads(request.body)["phone_number"], to_send=True)
    outcome = await arequest_code(number, **client_of(request))
    return JsonResponse({}, status=202 if isinstance(outcome, CodeRequested) else 503)


def sync_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return middleware


urlpatterns = [
    path("auth/sms/", include("django_sms_otp.urls")),
    path("auth/sms/alive/", csrf_exempt(alive)),
    path("auth/sms/own-get-code/", csrf_exempt(get_code)),
]
