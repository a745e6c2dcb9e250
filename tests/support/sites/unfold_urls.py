"""Routes of a site whose admin is Unfold's. Its second one asks for a code by SMS."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from unfold.sites import UnfoldAdminSite

from django_sms_otp.web.admin_site import SMSAdminSite


class Guarded(SMSAdminSite, UnfoldAdminSite):  # type: ignore[misc]  # Unfold has no types
    pass


urlpatterns = [
    path("admin/", admin.site.urls),
    path("guarded/", Guarded(name="guarded").urls),
    path("login/", include("django_sms_otp.web.urls")),
]
