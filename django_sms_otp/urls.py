"""``path("auth/sms/", include("django_sms_otp.urls"))`` gives namespace ``sms_otp``."""

from __future__ import annotations

from django.urls import include, path

app_name = "sms_otp"

urlpatterns = [
    path("", include("django_sms_otp.api.urls")),
    path("webhooks/", include("django_sms_otp.webhooks.urls")),
]
