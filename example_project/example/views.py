"""A home page, the account of who is logged in, and an endpoint for who has a token."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from django_sms_otp.auth.sessions import verified_at
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.services import numbers_of

from .models import Payment


class OwnRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this site is, and how to log in."""
    return render(request, "home.html", {"root": request.build_absolute_uri("/")})


@login_required
@never_cache
@require_safe
def account(request: OwnRequest) -> HttpResponse:
    """Show who is logged in."""
    context = {
        "numbers": numbers_of(request.user),
        "payments": Payment.objects.filter(user=request.user)[:5],
        "verified_at": verified_at(request),
    }
    return render(request, "account.html", context)


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
