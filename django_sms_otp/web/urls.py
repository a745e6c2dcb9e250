"""``path("login/", include("django_sms_otp.web.urls"))`` gives namespace ``sms_otp_web``."""

from __future__ import annotations

from django.urls import path

from .views import CodeView, LoginView, ResendView

app_name = "sms_otp_web"

urlpatterns = [
    path("", LoginView.as_view(), name="login"),
    path("code/", CodeView.as_view(), name="code"),
    path("resend/", ResendView.as_view(), name="resend"),
]
