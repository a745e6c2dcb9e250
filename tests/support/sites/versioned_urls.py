"""Routes with the API's version in their path."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("<str:version>/sms/", include("django_sms_otp.urls"))]
