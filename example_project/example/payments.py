"""A payment: its code is bound to the amount and the payee, and confirms no other payment."""

import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from django_sms_otp.client import client_of
from django_sms_otp.exceptions import Contention, Unavailable
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.services import numbers_of, redeem_code, request_code

from .models import Payment
from .views import OwnRequest

PURPOSE = "payment"
KEPT = "payment"
"""Where the session keeps the payment that waits for its code."""


class PaymentForm(forms.Form):
    payee = forms.CharField(
        max_length=40, widget=forms.TextInput({"class": "sms-otp-input", "autocomplete": "off"})
    )
    amount = forms.DecimalField(
        label="Amount in euros",
        min_value=Decimal("0.01"),
        max_digits=8,
        decimal_places=2,
        widget=forms.NumberInput({"class": "sms-otp-input"}),
    )

    def clean_payee(self) -> str:
        payee: str = self.cleaned_data["payee"]
        if not payee.isprintable():
            # In the SMS they could pass for another line.
            raise forms.ValidationError("Leave out line breaks and invisible characters.")
        return payee

    def clean_amount(self) -> str:
        return f"{self.cleaned_data['amount']:.2f}"


class CodeForm(forms.Form):
    code = forms.CharField(
        widget=forms.TextInput(
            {
                "class": "sms-otp-input sms-otp-code",
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "autofocus": True,
            }
        )
    )


@login_required
@never_cache
def pay(request: OwnRequest) -> HttpResponse:
    """Ask whom to pay how much, and send a code to the main number of the account."""
    numbers = numbers_of(request.user)
    if not numbers:
        return redirect("sms_otp_web:numbers")
    form = PaymentForm(request.POST or None, initial=request.session.get(KEPT), label_suffix="")
    if form.is_valid():
        payment = form.cleaned_data
        try:
            outcome = request_code(
                numbers[0].phone_number,
                purpose=PURPOSE,
                context=words(payment),
                **client_of(request),
            )
        except (Contention, Unavailable) as error:
            form.add_error(None, error.text)
        else:
            if isinstance(outcome, CodeRequested):
                request.session[KEPT] = {**payment, "request_id": str(outcome.request_id)}
                return redirect("confirm-payment")
            form.add_error(None, f"{outcome.text} {wait(outcome.retry_after)}")
    return render(request, "pay.html", {"form": form, "is_waiting": KEPT in request.session})


@login_required
@never_cache
@sensitive_post_parameters("code")
def confirm(request: OwnRequest) -> HttpResponse:
    """Ask for the code, and pay in the transaction that uses it up."""
    payment, numbers = request.session.get(KEPT), numbers_of(request.user)
    if not (payment and numbers):
        return redirect("pay")
    form = CodeForm(request.POST or None, label_suffix="")
    if form.is_valid():
        try:
            outcome = redeem_code(
                form.cleaned_data["code"],
                phone_number=numbers[0].phone_number,
                request_id=payment["request_id"],
                purpose=PURPOSE,
                context=words(payment),
                grant=lambda _: Payment.objects.create(
                    user=request.user, payee=payment["payee"], amount=payment["amount"]
                ),
                **client_of(request),
            )
        except (Contention, Unavailable) as error:
            form.add_error(None, error.text)
        else:
            if isinstance(outcome, Redeemed):
                del request.session[KEPT]
                messages.success(request, f"Paid: {outcome.granted}.")
                return redirect("account")
            form.add_error("code", outcome.text)
    context = {"form": form, "payment": payment, "number": numbers[0].phone_number.masked}
    return render(request, "confirm_payment.html", context)


def words(payment: dict[str, Any]) -> dict[str, str]:
    """Return what the SMS shows, and what the code is bound to."""
    return {"amount": f"EUR {payment['amount']}", "payee": payment["payee"]}


def wait(duration: timedelta | None) -> str:
    """Say how long to wait; nothing if that does not help."""
    if duration is None:
        return ""
    seconds = math.ceil(duration.total_seconds())
    return f"({seconds} s)" if seconds < 120 else f"({math.ceil(seconds / 60)} min)"
