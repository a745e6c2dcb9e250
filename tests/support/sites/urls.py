"""Routes of the tiny sites."""

from __future__ import annotations

from typing import Any

from django.urls import include, path
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.views import TokenRefreshView


class WhoAmI(APIView):
    authentication_classes = (JWTAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        claims = dict(getattr(request.auth, "payload", {}))
        return Response({"pk": str(request.user.pk), "claims": claims})


# The views of a site with odd defaults are to work all the same.
PINNED: dict[str, Any] = {
    "content_negotiation_class": DefaultContentNegotiation,
    "parser_classes": (JSONParser,),
    "renderer_classes": (JSONRenderer,),
    "throttle_classes": (),
    "versioning_class": None,
}

urlpatterns = [
    path("auth/sms/", include("django_sms_otp.urls")),
    path("refresh/", TokenRefreshView.as_view(**PINNED)),
    path("whoami/", WhoAmI.as_view(**PINNED)),
]
