from __future__ import annotations

from django.urls import path

from .views import AuthCode, GetCode

urlpatterns = [
    path("auth/sms/get-code/", GetCode.as_view()),
    path("auth/sms/auth-code/", AuthCode.as_view()),
]
