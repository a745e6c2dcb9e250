from __future__ import annotations

from django.urls import path

from .views import AuthCode, GetCode

urlpatterns = [
    path("get-code/", GetCode.as_view()),
    path("auth-code/", AuthCode.as_view()),
]
