"""The numbers of who is logged in: list, add, make the main one, remove.

The numbers are shown whole or masked, as by the API. A number of somebody else is the same as
one that does not exist.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse

from ..auth.proofs import sees_numbers
from ..client import client_of
from ..phone import PhoneNumber
from ..results import (
    CodeRequested,
    LinkedNumber,
    NumberLinked,
    NumberRefused,
    RedemptionRefused,
    RequestRefused,
)
from ..services import (
    link_number,
    make_primary,
    numbers_of,
    request_link_code,
    unlink_number,
)
from .account import OfAccount, OfChange
from .codes import AskPage, CodePage, OfCode, ResendPage, shown
from .countries import countries, preset_region
from .forms import NumberForm
from .pages import Page
from .pending import LinkPending, Notice
from .words import ADDED, MADE_PRIMARY, REMOVED, refusal_text

__all__ = [
    "AddNumberView",
    "LinkCodeView",
    "LinkResendView",
    "MakePrimaryView",
    "NumbersView",
    "RemoveNumberView",
]


class OfNumbers(Page):
    """One of the pages that lead back to the list of numbers."""

    def to_list(self, text: str, *, is_error: bool = False) -> HttpResponse:
        Notice(text=text, is_error=is_error).leave(self.request.session)
        return self.to_page("numbers")


class NumbersView(OfAccount):
    """List the numbers. It needs no fresh proof, as in the API."""

    http_method_names = ["get", "head", "options"]
    template_name = "django_sms_otp/web/numbers.html"
    form_class = Form

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if notice := Notice.take(self.request.session):
            kwargs["general" if notice.is_error else "done"] = notice.text
        text_of = shown if sees_numbers(self.request, self.user) else str  # which is masked
        numbers = [(each, text_of(each.phone_number)) for each in numbers_of(self.user)]
        return super().get_context_data(numbers=numbers, **kwargs)


class OfLink(OfCode, OfNumbers, OfChange):
    """One of the pages that add a number."""

    kept = LinkPending
    ask_page = "numbers-add"
    code_page = "numbers-code"
    resend_page = "numbers-resend"


class AddNumberView(AskPage, OfLink):
    """Ask for a number, and send it a code."""

    template_name = "django_sms_otp/web/add_number.html"
    form_class = NumberForm

    def get_initial(self) -> dict[str, Any]:
        pending = self.kept.load(self.request.session)
        language = self.request.headers.get("Accept-Language", "")
        return {
            "phone_number": shown(pending.number) if pending else "",
            "region": pending.number.region if pending else preset_region(language),
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(countries=countries(), **kwargs)

    def form_valid(self, form: Form) -> HttpResponse:
        number: PhoneNumber = form.cleaned_data["phone_number"]
        before = self.before(number)
        outcome = request_link_code(
            self.user,
            number,
            request_id=before.request_id if before else None,
            challenge=self.challenge(),
            **client_of(self.request),
        )
        return self.asked(form, number, outcome)


class LinkCodeView(CodePage, OfLink):
    """Ask for the code, and add the number."""

    template_name = "django_sms_otp/web/add_number_code.html"

    def without_code(self) -> HttpResponse:
        return self.to_page("numbers")

    def redeem(self, code: str, **client: Any) -> NumberLinked | NumberRefused:
        pending = self.pending
        return link_number(
            self.user,
            code,
            phone_number=pending.number,
            request_id=pending.request_id,
            **client,
        )

    def redeemed(self, outcome: NumberLinked) -> HttpResponse:
        return self.to_list(str(ADDED))

    def code_refused(
        self, form: Form, outcome: RedemptionRefused | NumberRefused
    ) -> HttpResponse:
        if outcome.reason != "phone_number_taken":
            return super().code_refused(form, outcome)
        # The code was right, and is used up.
        self.kept.forget(self.request.session)
        return self.to_list(refusal_text(outcome.reason, None), is_error=True)


class LinkResendView(ResendPage, OfLink):
    """Send the code once more."""

    def send_again(self, **asked: Any) -> CodeRequested | RequestRefused:
        return request_link_code(self.user, self.pending.number, **asked)


class OfOneNumber(OfNumbers, OfChange):
    """A page about one of the numbers, which the address names."""

    form_class = Form
    number: LinkedNumber

    def elsewhere(self) -> HttpResponse | None:
        if way := super().elsewhere():
            return way
        wanted = self.kwargs["number_id"]
        number = next((each for each in numbers_of(self.user) if each.id == wanted), None)
        if number is None:
            # Perhaps it is gone by a second click.
            return self.to_page("numbers")
        self.number = number
        return None


class MakePrimaryView(OfOneNumber):
    """Make a number the main one."""

    http_method_names = ["get", "post", "head", "options"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.to_page("numbers")

    def form_valid(self, form: Form) -> HttpResponse:
        outcome = make_primary(self.user, self.number.id)
        if isinstance(outcome, NumberRefused):
            return self.answer(form, outcome.reason, outcome.retry_after)
        return self.to_list(str(MADE_PRIMARY))

    def answer(self, form: Form, reason: str, wait: timedelta | None) -> HttpResponse:
        return self.to_list(refusal_text(reason, wait), is_error=True)


class RemoveNumberView(OfOneNumber):
    """Ask whether a number is to go, and remove it.

    :ivar is_last: whether it stays, because it is the last way in.
    """

    is_last = False
    template_name = "django_sms_otp/web/remove_number.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            phone_number=shown(self.number.phone_number),
            is_last=self.is_last,
            **kwargs,
        )

    def form_valid(self, form: Form) -> HttpResponse:
        outcome = unlink_number(self.user, self.number.id)
        if isinstance(outcome, NumberRefused):
            self.is_last = outcome.reason == "last_way_in"
            return self.refused_form(form, outcome)
        return self.to_list(str(REMOVED))
