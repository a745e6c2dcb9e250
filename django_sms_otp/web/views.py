"""Number, code, session. Each step is a form that is posted, and a redirect to the next one."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import phonenumbers
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ..auth.logins import announce_refusal, is_locked_out
from ..auth.sessions import log_in
from ..client import client_of, remember_device
from ..conf import get_settings
from ..phone import PhoneNumber
from ..results import CodeRequested, Redeemed, RedemptionRefused
from ..services import redeem_code, request_code
from .countries import countries, preset_region
from .forms import CodeForm, NumberForm, ResendForm
from .pages import Page
from .pending import Notice, Pending
from .remembered import forget_number, remember_number, remembered_number
from .words import (
    EXPIRED,
    OTHER_TAB,
    SENT,
    channel_texts,
    length_text,
    minutes_until,
    refusal_text,
    wait_text,
)

__all__ = ["CodeView", "LoginView", "ResendView"]

OF_ANOTHER_NUMBER = {
    "invalid_phone_number",
    "phone_number_not_sms_capable",
    "recipient_opted_out",
    "region_not_supported",
    "unknown_phone_number",
}
"""Refusals after which only another number helps."""


class LoginView(Page):
    """Ask for a number, and send it a code."""

    template_name = "django_sms_otp/web/login.html"
    form_class = NumberForm

    def get_initial(self) -> dict[str, Any]:
        remembered = remembered_number(self.request)
        pending = Pending.load(self.request.session)
        # Who comes back from the code page may have mistyped the number.
        number = pending.number if pending else remembered
        region = number.region if number else ""
        return {
            "phone_number": shown(number) if number else "",
            "region": region or preset_region(self.request.headers.get("Accept-Language", "")),
            "remember": pending.remember if pending else bool(remembered),
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(countries=countries(), **kwargs)

    def form_valid(self, form: Form) -> HttpResponse:
        number: PhoneNumber = form.cleaned_data["phone_number"]
        remember: bool = form.cleaned_data["remember"]
        session = self.request.session
        before = Pending.load(session)
        if before and before.e164 != number.e164:
            before = None
        outcome = request_code(
            number,
            request_id=before.request_id if before else None,
            challenge=self.challenge(),
            **client_of(self.request),
        )
        code = outcome if isinstance(outcome, CodeRequested) else outcome.issued
        if code and before:
            replace(before.sent_again(code), remember=remember).save(session)
        elif code:
            Pending.of(number, code, remember=remember).save(session)
        if not isinstance(outcome, CodeRequested):
            is_on_its_way = before and not before.is_expired and outcome.reason == "cooldown"
            if not (code or is_on_its_way):
                field = "phone_number" if outcome.reason in OF_ANOTHER_NUMBER else None
                return self.refused_form(form, outcome, field)
            Notice(text=refusal_text(outcome.reason, outcome.retry_after)).leave(session)
        response = self.to_page("code")
        if not remember:
            forget_number(self.request, response)
        return response


class OfPending(Page):
    """A page about the code that this browser waits for."""

    pending: Pending

    def elsewhere(self) -> HttpResponse | None:
        if way := super().elsewhere():
            return way
        pending = Pending.load(self.request.session)
        if pending is None:
            return self.to_page("login")
        self.pending = pending
        return None

    def is_of_other_tab(self) -> bool:
        """Tell whether the form is of a page that was opened for another number."""
        return self.request.POST.get("tab") != self.pending.tab


class CodeView(OfPending):
    """Ask for the code, and log in."""

    template_name = "django_sms_otp/web/code.html"
    form_class = CodeForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        pending = self.pending
        notice = Notice.take(self.request.session) if self.request.method == "GET" else None
        if notice is None and self.request.method == "GET" and pending.is_expired:
            notice = Notice(text=str(EXPIRED))
        if notice and notice.is_error:
            kwargs["general"] = notice.text
        wait = math.ceil(pending.resend_wait)
        return super().get_context_data(
            pending=pending,
            phone_number=shown(pending.number),
            validity=minutes_until(pending.valid_until),
            hint=length_text(pending.code_length),
            done="" if notice is None or notice.is_error else notice.text,
            wait_seconds=wait,
            wait=wait_text(timedelta(seconds=wait)) if wait else "",
            channels=channel_texts(get_settings().CHANNELS),
            **kwargs,
        )

    def form_valid(self, form: Form) -> HttpResponse:
        if self.is_of_other_tab():
            Notice(text=str(OTHER_TAB)).leave(self.request.session)
            return self.to_page("code")
        client = client_of(self.request, is_new=True)
        outcome = self._redeem(form.cleaned_data["code"], **client)
        if isinstance(outcome, RedemptionRefused):
            announce_refusal(self.pending.number, self.request)
            return self._refused(form, outcome)
        Pending.forget(self.request.session)
        log_in(self.request, outcome)
        response = redirect(self.way_on())
        remember_device(self.request, response, client["device"])
        if self.pending.remember:
            remember_number(self.request, response, self.pending.number)
        return response

    def _redeem(self, code: str, **client: Any) -> Redeemed[Any] | RedemptionRefused:
        # Before the guess: what locks a client out must not tell what the guess was worth.
        if is_locked_out(self.pending.number, self.request):
            return RedemptionRefused(reason="too_many_attempts")
        pending = self.pending
        return redeem_code(
            code, phone_number=pending.number, request_id=pending.request_id, **client
        )

    def _refused(self, form: Form, outcome: RedemptionRefused) -> HttpResponse:
        if outcome.reason == "invalid_code" and self.pending.is_expired:
            form.add_error("code", str(EXPIRED))
            return self.form_invalid(form)
        return self.refused_form(form, outcome, "code")


class ResendView(OfPending):
    """Send the code once more, by the channel that the person chooses."""

    http_method_names = ["get", "post", "head", "options"]
    template_name = "django_sms_otp/web/code.html"
    form_class = ResendForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.to_page("code")

    def form_valid(self, form: Form) -> HttpResponse:
        self._send(form.cleaned_data["channel"]).leave(self.request.session)
        return self.to_page("code")

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.to_page("code")

    def answer(self, form: Form, reason: str, wait: timedelta | None) -> HttpResponse:
        Notice(text=refusal_text(reason, wait)).leave(self.request.session)
        return self.to_page("code")

    def _send(self, channel: str) -> Notice:
        if self.is_of_other_tab():
            return Notice(text=str(OTHER_TAB))
        outcome = request_code(
            self.pending.number,
            channel=channel,
            request_id=self.pending.request_id,
            challenge=self.challenge(),
            **client_of(self.request),
        )
        code = outcome if isinstance(outcome, CodeRequested) else outcome.issued
        if code:
            self.pending.sent_again(code).save(self.request.session)
        if isinstance(outcome, CodeRequested):
            return Notice(text=str(SENT[channel]), is_error=False)
        return Notice(text=refusal_text(outcome.reason, outcome.retry_after))


def shown(number: PhoneNumber) -> str:
    """Return a whole number as its holder reads it: ``+49 1512 3456789``."""
    parsed = phonenumbers.parse(number.e164)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
