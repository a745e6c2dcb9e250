"""``path("auth/sms/", include("django_sms_otp.urls"))`` gives namespace ``sms_otp``."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from .api.urls import urlpatterns as of_api
from .db.transactions import non_atomic

app_name = "sms_otp"


@csrf_exempt
@login_not_required
@non_atomic
def twilio_webhook(request: HttpRequest, alias: str) -> HttpResponseBase:
    """Take a receipt of Twilio's. What reads it is loaded with the first: many sites have
    none."""
    from .webhooks.twilio import TwilioView

    return TwilioView.as_view()(request, alias=alias)


# Not include(), which each request would go through once more.
urlpatterns = [
    *of_api,
    path("webhooks/twilio/<str:alias>/", twilio_webhook, name="twilio-webhook"),
]
