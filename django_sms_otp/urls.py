"""``path("auth/sms/", include("django_sms_otp.urls"))`` gives namespace ``sms_otp``."""

from __future__ import annotations

from django.urls import path

from .api.views import auth_code, get_code
from .webhooks.base import receive

app_name = "sms_otp"

urlpatterns = [
    path("get-code/", get_code, name="get-code"),
    path("auth-code/", auth_code, name="auth-code"),
    path("webhooks/<str:gateway>/<str:alias>/", receive, name="webhook"),
]
