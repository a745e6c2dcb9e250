from __future__ import annotations

from django.urls import include, path

from .views import LogIn

urlpatterns = [
    path("", include("phone_verify.urls")),
    path("log-in", LogIn.as_view()),
]
