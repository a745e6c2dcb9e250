"""What all pages have in common: who may see them, where they lead, and what they answer to
errors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from ..client import is_cross_site
from ..db import non_atomic
from ..masked import MaskedText
from ..results import NumberRefused, RedemptionRefused, RequestRefused
from ..services.outages import wait_after
from ..texts import STATUSES, text_of, whole_seconds
from .words import refusal_text

__all__ = ["Page"]

TYPED = {
    "invalid_code",
    "no_active_account",
    "phone_number_taken",
    "recipient_opted_out",
    "reverification_needed",
    "unknown_phone_number",
}
"""Refusals of what was typed. Like Django's, such a page has status 200."""

BARE_PAGE = "django_sms_otp/web/unavailable.html"

CHALLENGES = (
    "challenge",
    "cf-turnstile-response",
    "h-captcha-response",
    "g-recaptcha-response",
)
"""The fields in which widgets post a response: ours, Turnstile, hCaptcha, reCAPTCHA."""


@method_decorator(
    [never_cache, sensitive_post_parameters(), csrf_protect, non_atomic, login_not_required],
    name="dispatch",
)
class Page(FormView):  # type: ignore[type-arg]  # no generic at run time
    """A page. It is one of the login: whoever is logged in already goes on to the site.

    :ivar leads_to: where it goes on, whatever the request says; empty if the request says it.
    """

    leads_to = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            request.POST = _masked(request.POST)
        try:
            way = self.elsewhere()
        except Exception as error:
            return bare_page(error)
        if way:
            return way
        if request.method == "POST" and is_cross_site(request):
            return self.refused("cross_site")
        try:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[return-value]
        except Exception as error:
            passing = wait_after(error)
            if passing is None:
                raise
            return self._refused_for_now(*passing)

    def _refused_for_now(self, reason: str, wait: timedelta) -> HttpResponse:
        try:
            return self.refused(reason, wait)
        except Exception as error:
            return bare_page(error)

    def elsewhere(self) -> HttpResponse | None:
        """Return where the person belongs, if it is not here.

        A subclass overrides this and not ``dispatch``, which has the decorators.
        """
        if not self.request.user.is_authenticated:
            return None
        # A page that does not let this user in would send them here again, and so on.
        return self.on() if self.request.method == "POST" else HttpResponseRedirect(self.home())

    def refused(self, reason: str, wait: timedelta | None = None) -> HttpResponse:
        """Return the page with the text of a refusal. The form was not looked at."""
        form = self.get_form_class()(initial={**self.get_initial(), **self.typed(reason)})
        return self.answer(form, reason, wait)

    def refused_form(
        self,
        form: Form,
        outcome: RequestRefused | RedemptionRefused | NumberRefused,
        field: str | None = None,
    ) -> HttpResponse:
        """Return the page with what a service has answered about a form.

        :param field: what the person has to change; ``None`` if that does not help.
        """
        form.add_error(field, refusal_text(outcome.reason, outcome.retry_after))
        return self.answer(form, outcome.reason, outcome.retry_after)

    def answer(self, form: Form, reason: str, wait: timedelta | None) -> HttpResponse:
        general = "" if form.is_bound else refusal_text(reason, wait)
        context = self.get_context_data(form=form, general=general)
        response = self.render_to_response(context, status=_status(reason))
        if wait is not None and response.status_code in {429, 503}:
            response["Retry-After"] = str(whole_seconds(wait))
        return response

    def typed(self, reason: str) -> dict[str, str]:
        """Return what the person has typed, for a form that was not looked at."""
        own = {} if reason == "cross_site" else self.request.POST
        return {name: own[name] for name in ("phone_number", "region") if name in own}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add ``problems``: what went wrong, and the field that it is about, if any."""
        context = super().get_context_data(next=self.next, **kwargs)
        form: Form = context["form"]
        errors = form.errors.items() if form.is_bound else ()
        problems = [
            ("" if name == "__all__" else name, text)
            for name, texts in errors
            for text in texts
        ]
        if general := context.get("general"):
            problems.append(("", general))
        return {**context, "problems": problems}

    @property
    def next(self) -> str:
        """Where the person wants to go on; empty if that is nowhere, or another site's."""
        asked = self.request.POST.get("next") or self.request.GET.get("next", "")
        way = self.leads_to or asked
        is_own = url_has_allowed_host_and_scheme(
            way, {self.request.get_host()}, require_https=self.request.is_secure()
        )
        return way if is_own else ""

    def on(self) -> HttpResponseRedirect:
        """Go on to where the person wants to go.

        ``redirect()`` would take ``next`` for the name of a URL.
        """
        return HttpResponseRedirect(self.next or self.home())

    def home(self) -> str:
        return resolve_url(django_settings.LOGIN_REDIRECT_URL)

    def to_page(self, name: str) -> HttpResponseRedirect:
        """Go to another page of ours, which leads to the same place."""
        query = f"?{urlencode({'next': self.next})}" if self.next else ""
        return HttpResponseRedirect(self.address(name) + query)

    def address(self, name: str) -> str:
        return reverse(f"sms_otp_web:{name}")

    def challenge(self) -> str | None:
        """Return the response of a CAPTCHA."""
        given = (self.request.POST.get(name) for name in CHALLENGES)
        return next((each for each in given if each), None)


def _status(reason: str) -> int:
    return 200 if reason in TYPED else STATUSES.get(reason, 200)


def bare_page(error: Exception) -> HttpResponse:
    """Return a page about an error that goes by. It reads neither the session nor the user.

    :raises Exception: the error, if it does not go by.
    """
    passing = wait_after(error)
    if passing is None:
        raise error
    reason, wait = passing
    # Without the request: what the site shows of it may read the session.
    html = render_to_string(BARE_PAGE, {"problem": text_of(reason)})
    response = HttpResponse(html, status=_status(reason))
    response["Retry-After"] = str(whole_seconds(wait))
    return response


def _masked(form: QueryDict) -> Any:
    """Return the same form with texts that reports of errors do not show: Sentry's SDK puts the
    form of a request there."""
    masked = QueryDict(mutable=True, encoding=form.encoding)
    for name, values in form.lists():
        masked.setlist(name, [MaskedText(value) for value in values])
    return masked
