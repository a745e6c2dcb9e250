"""What the pages of an account have in common: they are for who is logged in alone."""

from __future__ import annotations

from typing import Any

from django.conf import global_settings
from django.conf import settings as django_settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.urls import is_valid_path, reverse
from django.utils.http import urlencode

from ..auth.proofs import proof_for_numbers
from ..auth.users import is_shown
from .pages import Page

__all__ = ["OfAccount", "OfChange"]


class OfAccount(Page):
    """A page for who is logged in. Anybody else goes to the login first, and comes back."""

    def elsewhere(self) -> HttpResponse | None:
        if self.user.is_authenticated and is_shown(self.user):
            return None
        return redirect_to_login(self.way_back(), login_page())

    @property
    def user(self) -> Any:
        return self.request.user

    def way_back(self) -> str:
        """Return the address of this page, which leads on to the same place."""
        query = f"?{urlencode({'next': self.next})}" if self.next else ""
        return self.request.path + query


class OfChange(OfAccount):
    """A page that changes the numbers of an account: it needs the proof that the API needs."""

    def elsewhere(self) -> HttpResponse | None:
        if way := super().elsewhere():
            return way
        if proof_for_numbers(self.request, self.user) is None:
            return None
        return redirect_to_login(self.way_back(), reverse("sms_otp_web:step-up"))


def login_page() -> str | None:
    """Return our login page if the site names none, and has none at Django's default address;
    ``None`` means ``LOGIN_URL``."""
    default = global_settings.LOGIN_URL
    if default == django_settings.LOGIN_URL and not is_valid_path(str(default)):
        return reverse("sms_otp_web:login")
    return None
