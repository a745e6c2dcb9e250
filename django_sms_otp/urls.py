"""``path("auth/sms/", include("django_sms_otp.urls"))`` gives namespace ``sms_otp``."""

from __future__ import annotations

from .api.urls import urlpatterns as of_api
from .webhooks.urls import urlpatterns as of_webhooks

app_name = "sms_otp"

# Not include(), which each request would go through once more.
urlpatterns = [*of_api, *of_webhooks]
