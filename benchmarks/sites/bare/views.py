"""The two views that a tutorial would write."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken

from .models import Code
from .serializers import AuthCodeSerializer, GetCodeSerializer


def send_sms(phone_number: str, text: str) -> None:
    """Do nothing with a message."""


class GetCode(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        serializer = GetCodeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        phone_number = serializer.validated_data["phone_number"]
        code = f"{secrets.randbelow(10**6):06}"
        Code.objects.create(phone_number=phone_number, code=code)
        send_sms(phone_number, f"Your code is {code}")
        return Response({"detail": "A code was sent."})


class AuthCode(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        serializer = AuthCodeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        now = timezone.now()
        live = Code.objects.filter(
            **serializer.validated_data, redeemed_at=None, expires_at__gt=now
        )
        if not live.update(redeemed_at=now):
            return Response({"detail": "This code is not valid."}, status=400)
        phone_number = serializer.validated_data["phone_number"]
        user, _ = User.objects.get_or_create(username=phone_number)
        refresh = RefreshToken.for_user(user)
        return Response({"access": str(refresh.access_token), "refresh": str(refresh)})
