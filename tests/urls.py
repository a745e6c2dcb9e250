"""Routes of the test suite."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/sms/", include("django_sms_otp.urls")),
    path("login/", include("django_sms_otp.web.urls")),
]
