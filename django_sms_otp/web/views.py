"""Number, code, session. Each step is a form that is posted, and a redirect to the next one."""

from __future__ import annotations

from typing import Any

from django.forms import Form
from django.http import HttpResponse

from ..auth.logins import announce_refusal, is_locked_out
from ..auth.sessions import log_in
from ..client import client_of
from ..phone import PhoneNumber
from ..results import (
    CodeRequested,
    NumberRefused,
    Redeemed,
    RedemptionRefused,
    RequestRefused,
)
from ..services import redeem_code, request_code
from .codes import AskPage, CodePage, ResendPage, shown
from .countries import countries, preset_region
from .forms import NumberForm
from .pending import Pending
from .remembered import forget_number, remember_number, remembered_number

__all__ = ["CodeView", "LoginView", "ResendView"]


class LoginView(AskPage):
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
        before = self.before(number)
        outcome = request_code(
            number,
            request_id=before.request_id if before else None,
            challenge=self.challenge(),
            **client_of(self.request),
        )
        response = self.asked(form, number, outcome, remember=remember)
        if not remember and response.status_code == 302:
            forget_number(self.request, response)
        return response


class CodeView(CodePage):
    """Ask for the code, and log in."""

    def redeem(self, code: str, **client: Any) -> Redeemed[Any] | RedemptionRefused:
        # Before the guess: what locks a client out must not tell what the guess was worth.
        if is_locked_out(self.pending.number, self.request):
            return RedemptionRefused(reason="too_many_attempts")
        pending = self.pending
        return redeem_code(
            code, phone_number=pending.number, request_id=pending.request_id, **client
        )

    def redeemed(self, outcome: Redeemed[Any]) -> HttpResponse:
        log_in(self.request, outcome)
        response = self.on()
        if self.pending.remember:
            remember_number(self.request, response, self.pending.number)
        return response

    def code_refused(
        self, form: Form, outcome: RedemptionRefused | NumberRefused
    ) -> HttpResponse:
        announce_refusal(self.pending.number, self.request)
        return super().code_refused(form, outcome)


class ResendView(ResendPage):
    """Send the code once more."""

    def send_again(self, **asked: Any) -> CodeRequested | RequestRefused:
        return request_code(self.pending.number, **asked)
