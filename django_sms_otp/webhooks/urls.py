"""Routes that gateways call."""

from __future__ import annotations

from django.urls import path

from .twilio import TwilioView

urlpatterns = [
    path("webhooks/twilio/<str:alias>/", TwilioView.as_view(), name="twilio-webhook"),
]
