"""Routes of the API."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("get-code/", views.get_code, name="get-code"),
    path("auth-code/", views.auth_code, name="auth-code"),
]
