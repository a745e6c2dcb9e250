from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("auth/sms/", include("django_sms_otp.urls"))]
