"""What all pages have in common that send a code, take it, and send it once more."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import phonenumbers
from django.forms import Form
from django.http import HttpRequest, HttpResponse

from ..client import client_of, remember_device
from ..codes import code_in
from ..conf import get_settings
from ..phone import PhoneNumber
from ..results import (
    CodeRequested,
    NumberLinked,
    NumberRefused,
    Redeemed,
    RedemptionRefused,
    RequestRefused,
)
from .forms import CodeForm, ResendForm
from .pages import Page
from .pending import Notice, Pending
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

__all__ = ["AskPage", "CodePage", "OfCode", "ResendPage", "shown"]

OF_ANOTHER_NUMBER = {
    "invalid_phone_number",
    "phone_number_not_sms_capable",
    "recipient_opted_out",
    "region_not_supported",
    "unknown_phone_number",
}
"""Refusals after which only another number helps."""


class OfCode(Page):
    """One of the pages that lead from a number to its code.

    :cvar kept: what the session keeps of the code.
    :cvar ask_page: the name of the page that asks where to send a code.
    :cvar code_page: the name of the page that asks for the code.
    """

    kept: type[Pending] = Pending
    ask_page = "login"
    code_page = "code"
    resend_page = "resend"


class AskPage(OfCode):
    """Sends a code, and goes on to where it is entered."""

    def before(self, number: PhoneNumber) -> Pending | None:
        """Return the code that this browser waits for, if it is one for the same number."""
        before = self.kept.load(self.request.session)
        return before if before and before.e164 == number.e164 else None

    def asked(
        self,
        form: Form,
        number: PhoneNumber,
        outcome: CodeRequested | RequestRefused,
        **fields: Any,
    ) -> HttpResponse:
        """Return where the person goes on; the page itself if there is no code to enter.

        :param fields: what else the session is to keep.
        """
        session, before = self.request.session, self.before(number)
        code = outcome if isinstance(outcome, CodeRequested) else outcome.issued
        if code and session.session_key:
            # Who has planted this session is not to read a number in it.
            session.cycle_key()
        if code:
            pending = before.sent_again(code) if before else self.kept.of(number, code)
            replace(pending, **fields).save(session)
        if not isinstance(outcome, CodeRequested):
            is_on_its_way = before and not before.is_expired and outcome.reason == "cooldown"
            if not (code or is_on_its_way):
                is_field = "phone_number" in form.fields and outcome.reason in OF_ANOTHER_NUMBER
                return self.refused_form(form, outcome, "phone_number" if is_field else None)
            if before and not code:
                replace(before, **fields).save(session)
            Notice(text=refusal_text(outcome.reason, outcome.retry_after)).leave(session)
        return self.to_page(self.code_page)


class OfPending(OfCode):
    """A page about the code that this browser waits for."""

    pending: Pending

    def elsewhere(self) -> HttpResponse | None:
        if way := super().elsewhere():
            return way
        pending = self.kept.load(self.request.session)
        if pending is None:
            return self.without_code()
        self.pending = pending
        return None

    def without_code(self) -> HttpResponse:
        return self.to_page(self.ask_page)

    def is_of_other_tab(self) -> bool:
        """Tell whether the form is of a page that was opened for another number."""
        return self.request.POST.get("tab") != self.pending.tab


class CodePage(OfPending):
    """Asks for the code."""

    template_name = "django_sms_otp/web/code.html"
    form_class = CodeForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        pending = self.pending
        wait = math.ceil(round(pending.resend_wait, 3))
        notice = self._notice(timedelta(seconds=wait)) if self.request.method == "GET" else None
        if notice and notice.is_error:
            kwargs["general"] = notice.text
        return super().get_context_data(
            pending=pending,
            phone_number=self.shown(pending.number),
            is_over=pending.is_over,
            validity="" if pending.is_over else minutes_until(pending.valid_until),
            hint=length_text(pending.code_length),
            done="" if notice is None or notice.is_error else notice.text,
            wait_seconds=wait,
            wait=wait_text(timedelta(seconds=wait)) if wait else "",
            channels=channel_texts(get_settings().CHANNELS, is_over=pending.is_over),
            ask_url=self.to_page(self.ask_page).url,
            code_url=self.address(self.code_page),
            resend_url=self.address(self.resend_page),
            **kwargs,
        )

    def _notice(self, wait: timedelta) -> Notice | None:
        """Return what was left to be said once, or else why the code is over."""
        if notice := Notice.take(self.request.session):
            return notice
        if self.pending.is_expired:
            return Notice(text=str(EXPIRED))
        if self.pending.is_spent:
            return Notice(text=refusal_text("too_many_attempts", wait))
        return None

    def shown(self, number: PhoneNumber) -> str:
        return shown(number)

    def form_invalid(self, form: Form) -> HttpResponse:
        # The page was opened while the code could be entered.
        return (
            self.to_page(self.code_page) if self.pending.is_over else super().form_invalid(form)
        )

    def form_valid(self, form: Form) -> HttpResponse:
        if self.is_of_other_tab():
            Notice(text=str(OTHER_TAB)).leave(self.request.session)
            return self.to_page(self.code_page)
        client = client_of(self.request, is_new=True)
        code = code_in(form.cleaned_data["code"], self.pending.code_length)
        outcome = self.redeem(code, **client)
        if isinstance(outcome, RedemptionRefused | NumberRefused):
            return self.code_refused(form, outcome)
        self.kept.forget(self.request.session)
        response = self.redeemed(outcome)
        remember_device(self.request, response, client["device"])
        return response

    def redeem(
        self, code: str, **client: Any
    ) -> Redeemed[Any] | RedemptionRefused | NumberLinked | NumberRefused:
        """Let a service look at a guess."""
        raise NotImplementedError

    def redeemed(self, outcome: Any) -> HttpResponse:
        """Keep what the code has proven, and return where the person goes on."""
        raise NotImplementedError

    def code_refused(
        self, form: Form, outcome: RedemptionRefused | NumberRefused
    ) -> HttpResponse:
        if outcome.reason == "invalid_code" and self.pending.is_expired:
            return self.form_invalid(form)
        if outcome.is_spent:
            self.pending = self.pending.spent(outcome.retry_after)
            self.pending.save(self.request.session)
        return self.refused_form(form, outcome, None if self.pending.is_over else "code")


class ResendPage(OfPending):
    """Sends the code once more, by the channel that the person chooses."""

    http_method_names = ["get", "post", "head", "options"]
    form_class = ResendForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.to_page(self.code_page)

    def form_valid(self, form: Form) -> HttpResponse:
        self._send(form.cleaned_data["channel"]).leave(self.request.session)
        return self.to_page(self.code_page)

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.to_page(self.code_page)

    def answer(self, form: Form, reason: str, wait: timedelta | None) -> HttpResponse:
        Notice(text=refusal_text(reason, wait)).leave(self.request.session)
        return self.to_page(self.code_page)

    def send_again(self, **asked: Any) -> CodeRequested | RequestRefused:
        """Ask a service for another message to the same number."""
        raise NotImplementedError

    def _send(self, channel: str) -> Notice:
        if self.is_of_other_tab():
            return Notice(text=str(OTHER_TAB))
        outcome = self.send_again(
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
