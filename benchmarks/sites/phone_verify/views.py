"""The login that its documentation leaves to the site: its serializer, then tokens."""

from __future__ import annotations

from django.contrib.auth.models import User
from phone_verify.serializers import SMSVerificationSerializer
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken


class LogIn(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        serializer = SMSVerificationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        phone_number = str(serializer.validated_data["phone_number"])
        user, _ = User.objects.get_or_create(username=phone_number)
        refresh = RefreshToken.for_user(user)
        return Response({"access": str(refresh.access_token), "refresh": str(refresh)})
