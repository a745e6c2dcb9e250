"""A home page, and a view for people who are logged in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from django_sms_otp.models import VerifiedPhone


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this site is, and how to log in from a terminal."""
    return render(request, "home.html", {"root": request.build_absolute_uri("/")})


@extend_schema(
    responses=inline_serializer(
        "Me",
        {
            "id": serializers.IntegerField(),
            "username": serializers.CharField(),
            "phone_numbers": serializers.ListField(child=serializers.CharField()),
        },
    )
)
@api_view()
def me(request: Request) -> Response:
    """Return the user that the token belongs to."""
    phones = VerifiedPhone.objects.filter(user_id=str(request.user.pk))
    return Response(
        {
            "id": request.user.pk,
            "username": request.user.get_username(),
            "phone_numbers": [str(phone) for phone in phones],
        }
    )
