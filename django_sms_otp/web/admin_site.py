"""The Django admin by SMS: a code after the password or, for whom the site says, in its place.

``SMSAdminSite`` is a whole ``AdminSite``, and a mixin for another one: write it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.checks import CheckMessage, Error
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache

from ..auth.proofs import is_verified
from ..auth.sessions import (
    allow_first_number,
    expected_login,
    has_login,
    logged_in_by_sms,
)
from ..auth.step_up import step_up_page
from ..conf import get_settings
from ..exceptions import InvalidSettings
from ..services import numbers_of
from .pending import LOGOUT_KEY

__all__ = ["SMSAdminSite"]

UNGUARDED = (
    "{name} needs SMS_OTP['GUARD_STAFF_NUMBERS'] = True. Otherwise whoever knows a password "
    "adds a number of their own to the account, and confirms by that."
)
NO_PAGE = (
    "{name} finds no page where a person confirms a code. Include "
    "'django_sms_otp.web.urls' in your urls.py, or set step_up_url."
)


class SMSAdminSite(AdminSite):
    """Opens to staff who have logged in and have confirmed a code by SMS.

    :cvar sms_verified_within: how long a code opens the admin.
    :cvar step_up_url: a page of the site's own in the place of this app's, as Django's
        ``resolve_url()`` takes it. It gets ``next``, which it has to check.
    :cvar lets_add_first_number: whether staff without a number may add their first one after
        their password alone. Whoever knows the password of such an account gets in with it, so
        switch it on for the days in which your staff add theirs.
    """

    sms_verified_within: timedelta = timedelta(hours=12)
    step_up_url: str | None = None
    lets_add_first_number: bool = False
    login_template = "django_sms_otp/web/admin_login.html"

    def may_enter_by_sms(self, request: HttpRequest) -> bool:
        """Tell whether ``request.user`` may come in without a password. By default nobody may.

        It is asked about staff who have logged in by SMS, which ``ALLOW_STAFF`` or the user
        resolver has let them.
        """
        return False

    def has_permission(self, request: HttpRequest) -> bool:
        """:raises InvalidSettings: a password alone could add a number to the account."""
        if not super().has_permission(request):
            return False
        # Who waits for a code may leave.
        if request.path == self._address("logout"):
            return True
        return self._is_known(request) and self._is_confirmed(request)

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        is_staff = super().has_permission(request)
        is_known = is_staff and self._is_known(request)
        if request.method == "GET" and is_known and not self._is_confirmed(request):
            return self._ask_for_code(request)
        before = request.session.session_key
        own = {"sms_login_url": self._sms_login(request), **(extra_context or {})}
        if is_staff and not is_known:
            # Django would say to this user that they may not come in at all.
            own |= {"needs_password": True, "user": AnonymousUser()}
        # A password that is right here is one more than an SMS, also of who is logged in.
        with expected_login(request):
            response = super().login(request, own)
        if is_staff and request.method == "POST" and request.session.session_key == before:
            # Django keeps the key of a session that is this user's already, and who has read
            # it may not come in.
            request.session.cycle_key()
        return response

    def check(self, app_configs: Sequence[AppConfig] | None) -> list[CheckMessage]:
        name, found = type(self).__name__, super().check(app_configs)
        try:
            is_guarded = get_settings().GUARD_STAFF_NUMBERS
        except InvalidSettings:  # The check of these settings reports it.
            is_guarded = True
        texts = [] if is_guarded else [UNGUARDED]
        texts += [] if step_up_page(self.step_up_url) else [NO_PAGE]
        return [*found, *(Error(text.format(name=name), id="sms_otp.E025") for text in texts)]

    def _is_known(self, request: HttpRequest) -> bool:
        """Tell whether the user has logged in by more than an SMS, or needs no more."""
        # A token or the like is no login to the admin, whoever made it the request's user.
        if not has_login(request):
            return False
        return not logged_in_by_sms(request) or self.may_enter_by_sms(request)

    def _is_confirmed(self, request: HttpRequest) -> bool:
        if not get_settings().GUARD_STAFF_NUMBERS:
            raise InvalidSettings(UNGUARDED.format(name=type(self).__name__))
        if not is_verified(request, within=self.sms_verified_within):
            return False
        numbers = numbers_of(request.user)  # type: ignore[arg-type]  # logged in
        # The code of a test number is known to everybody, and its user may have become staff
        # since. And who has no number any more has lost it since.
        return bool(numbers) and not any(number.is_test for number in numbers)

    def _ask_for_code(self, request: HttpRequest) -> HttpResponse:
        page, way_on = step_up_page(self.step_up_url), self._way_on(request)
        if page is None:
            raise InvalidSettings(NO_PAGE.format(name=type(self).__name__))
        if self.lets_add_first_number:
            allow_first_number(request)
        request.session[LOGOUT_KEY] = self._address("logout")
        if way_on.partition("?")[0] == page:
            return HttpResponseRedirect(way_on)  # That page has sent the person here to log in.
        return redirect_to_login(way_on, page)

    def _way_on(self, request: HttpRequest) -> str:
        way = request.GET.get(REDIRECT_FIELD_NAME, "")
        is_own = url_has_allowed_host_and_scheme(
            way, {request.get_host()}, require_https=request.is_secure()
        )
        return way if is_own else self._address("index")

    def _sms_login(self, request: HttpRequest) -> str:
        """Return the address of the login by SMS; empty if it lets nobody in here."""
        if type(self).may_enter_by_sms is SMSAdminSite.may_enter_by_sms:
            return ""
        try:
            page = reverse("sms_otp_web:login")
        except NoReverseMatch:
            return ""
        return f"{page}?{urlencode({REDIRECT_FIELD_NAME: self._way_on(request)})}"

    def _address(self, name: str) -> str:
        return reverse(f"admin:{name}", current_app=self.name)
