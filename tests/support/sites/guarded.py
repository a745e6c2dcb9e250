"""A site whose views ask for a fresh proof by SMS, in each of the ways."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views import View
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication

from django_sms_otp.auth.step_up import SMSVerified, SMSVerifiedMixin, sms_verified

MINUTES = timedelta(minutes=5)
DONE = b"done"

LOGINS = (JWTAuthentication, SessionAuthentication)


@sms_verified(within=MINUTES)
def plain(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse(DONE)


@sms_verified(within=MINUTES)
async def awaited(request: HttpRequest) -> HttpResponse:
    return HttpResponse(DONE)


@sms_verified(within=MINUTES, step_up_url="own-page")
def with_own_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(DONE)


class Plain(SMSVerifiedMixin, View):
    sms_verified_within = MINUTES

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(DONE)


class Awaited(SMSVerifiedMixin, View):
    sms_verified_within = MINUTES

    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(DONE)


class AwaitedInside(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(DONE)


@api_view()
@authentication_classes(LOGINS)
@sms_verified(within=MINUTES)
def of_rest_framework(request: Request) -> HttpResponse:
    return HttpResponse(DONE)


class Recent(SMSVerified):
    within = MINUTES


class Permitted(APIView):
    authentication_classes = LOGINS
    permission_classes: Any = (Recent,)

    def get(self, request: Request) -> Response:
        return Response("done")


class PermittedOrStaff(Permitted):
    permission_classes = (IsAdminUser | Recent,)


pages = ([path("step-up/", plain, name="step-up")], "sms_otp_web")

urlpatterns = [
    path("plain/", plain),
    path("awaited/", awaited),
    path("own-page/", with_own_page),
    path("page/", plain, name="own-page"),
    path("class/", Plain.as_view()),
    path("awaited-class/", Awaited.as_view()),
    path("decorated-class/", sms_verified(within=MINUTES)(AwaitedInside.as_view())),
    path("of-rest-framework/", of_rest_framework),
    path("permitted/", Permitted.as_view()),
    path("permitted-or-staff/", PermittedOrStaff.as_view()),
    path("auth/sms/", include("django_sms_otp.urls")),
]
