"""``path("login/", include("django_sms_otp.web.urls"))`` gives namespace ``sms_otp_web``."""

from __future__ import annotations

from django.urls import path

from .numbers import (
    AddNumberView,
    LinkCodeView,
    LinkResendView,
    MakePrimaryView,
    NumbersView,
    RemoveNumberView,
)
from .step_up import StepUpCodeView, StepUpResendView, StepUpView
from .views import CodeView, LoginView, ResendView

app_name = "sms_otp_web"

urlpatterns = [
    path("", LoginView.as_view(), name="login"),
    path("code/", CodeView.as_view(), name="code"),
    path("resend/", ResendView.as_view(), name="resend"),
    path("step-up/", StepUpView.as_view(), name="step-up"),
    path("step-up/code/", StepUpCodeView.as_view(), name="step-up-code"),
    path("step-up/resend/", StepUpResendView.as_view(), name="step-up-resend"),
    path("numbers/", NumbersView.as_view(), name="numbers"),
    path("numbers/add/", AddNumberView.as_view(), name="numbers-add"),
    path("numbers/code/", LinkCodeView.as_view(), name="numbers-code"),
    path("numbers/resend/", LinkResendView.as_view(), name="numbers-resend"),
    path(
        "numbers/<str:number_id>/make-primary/",
        MakePrimaryView.as_view(),
        name="numbers-make-primary",
    ),
    path("numbers/<str:number_id>/remove/", RemoveNumberView.as_view(), name="numbers-remove"),
]
