"""The API of this app, a page for sessions, an endpoint for tokens, and a hard challenge."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from django_sms_otp.controls.hooks import Challenge, SendAttempt


class NobodyIsHuman(Challenge):
    def passes(self, attempt: SendAttempt) -> bool:
        return False


@login_required
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.pk)


@api_view()
@permission_classes([IsAuthenticated])
def endpoint(request: Request) -> Response:
    return Response(request.user.pk)


urlpatterns = [
    path("auth/sms/", include("django_sms_otp.urls")),
    path("page/", page),
    path("endpoint/", endpoint),
]
