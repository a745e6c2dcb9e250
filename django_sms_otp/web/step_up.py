"""Step-up: who is logged in confirms, by a code to a number of theirs, that it is them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.forms import Form
from django.http import HttpResponse

from ..auth.proofs import is_verified, proof_for_numbers
from ..auth.sessions import may_add_first_number, note_verified
from ..auth.users import is_guarded
from ..client import client_of
from ..phone import PhoneNumber
from ..results import (
    CodeRequested,
    Redeemed,
    RedemptionRefused,
    RequestRefused,
    StepUpRequested,
)
from ..services import confirm_step_up, numbers_of, request_step_up
from .account import OfAccount
from .codes import AskPage, CodePage, OfCode, ResendPage
from .forms import ChoiceForm
from .pending import LOGOUT_KEY, StepUpPending

__all__ = ["StepUpCodeView", "StepUpResendView", "StepUpView"]

SECOND_CLICK = timedelta(minutes=1)


class OfStepUp(OfCode, OfAccount):
    """One of the pages of a step-up."""

    kept = StepUpPending
    ask_page = "step-up"
    code_page = "step-up-code"
    resend_page = "step-up-resend"


class StepUpView(AskPage, OfStepUp):
    """Send a code to the number that the person chooses among their own."""

    template_name = "django_sms_otp/web/step_up.html"
    form_class = ChoiceForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        numbers = numbers_of(self.user)
        may_add = not numbers and proof_for_numbers(self.request, self.user) is None
        return super().get_context_data(
            numbers=numbers,
            may_add=may_add,
            asks_colleague=is_guarded(self.user) and not may_add_first_number(self.request),
            logout_url=self.request.session.get(LOGOUT_KEY, ""),
            **kwargs,
        )

    def form_valid(self, form: Form) -> HttpResponse:
        chosen = form.cleaned_data["number"]
        numbers = numbers_of(self.user)
        number = next((each for each in numbers if not chosen or each.id == chosen), None)
        if number is None:
            return self.refused_form(form, RequestRefused(reason="not_found"))
        before = self.before(number.phone_number)
        outcome = request_step_up(
            self.user,
            number.id,
            request_id=before.request_id if before else None,
            challenge=self.challenge(),
            **client_of(self.request),
        )
        return self.asked(form, number.phone_number, code_of(outcome), number_id=number.id)


class StepUpCodeView(CodePage, OfStepUp):
    """Ask for the code, and keep the proof in the session."""

    template_name = "django_sms_otp/web/step_up_code.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        has_others = len(numbers_of(self.user)) > 1
        return super().get_context_data(has_others=has_others, **kwargs)

    def shown(self, number: PhoneNumber) -> str:
        # Whoever has found the session of somebody else learns no number by it.
        return number.masked

    def without_code(self) -> HttpResponse:
        is_done = self.request.method == "POST" and is_verified(
            self.request, within=SECOND_CLICK
        )
        return self.on() if is_done else super().without_code()

    def redeem(self, code: str, **client: Any) -> Redeemed[Any] | RedemptionRefused:
        pending = self.pending
        return confirm_step_up(
            self.user,
            code,
            number_id=pending.number_id,
            request_id=pending.request_id,
            **client,
        )

    def redeemed(self, outcome: Redeemed[Any]) -> HttpResponse:
        note_verified(self.request)
        self.request.session.pop(LOGOUT_KEY, None)
        return self.on()


class StepUpResendView(ResendPage, OfStepUp):
    """Send the code once more."""

    def send_again(self, **asked: Any) -> CodeRequested | RequestRefused:
        return code_of(request_step_up(self.user, self.pending.number_id, **asked))


def code_of(outcome: StepUpRequested | RequestRefused) -> CodeRequested | RequestRefused:
    return outcome.code if isinstance(outcome, StepUpRequested) else outcome
