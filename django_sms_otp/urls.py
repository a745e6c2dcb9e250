"""``path("auth/sms/", include("django_sms_otp.urls"))`` gives namespace ``sms_otp``."""

from __future__ import annotations

from django.urls import path

from .api.cookies import logout, refresh
from .api.numbers import make_primary, number, numbers, verify_number
from .api.step_up import step_up, step_up_code
from .api.views import auth_code, get_code
from .webhooks.base import receive

app_name = "sms_otp"

urlpatterns = [
    path("get-code/", get_code, name="get-code"),
    path("auth-code/", auth_code, name="auth-code"),
    path("refresh/", refresh, name="refresh"),
    path("logout/", logout, name="logout"),
    path("numbers/", numbers, name="numbers"),
    path("numbers/verify/", verify_number, name="number-verify"),
    path("numbers/<str:number_id>/", number, name="number"),
    path("numbers/<str:number_id>/make-primary/", make_primary, name="number-make-primary"),
    path("step-up/get-code/", step_up_code, name="step-up-get-code"),
    path("step-up/auth-code/", step_up, name="step-up-auth-code"),
    path("webhooks/<str:gateway>/<str:alias>/", receive, name="webhook"),
]
