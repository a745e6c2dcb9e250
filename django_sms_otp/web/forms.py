"""The forms of the pages: what a person types, and what is wrong with it. The templates write
their HTML."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..conf import get_settings
from ..exceptions import PhoneNumberError
from ..masked import MaskedText
from ..services import read_phone_number
from .countries import countries

__all__ = ["ChoiceForm", "CodeForm", "NumberForm", "ResendForm"]


class NumberForm(forms.Form):
    """A number, in any way of writing it. A country code that was typed wins over the list."""

    region = forms.ChoiceField(label=_("Country"), required=False)
    phone_number = forms.CharField(
        label=_("Phone number"),
        error_messages={"required": _("Enter your phone number.")},
    )
    remember = forms.BooleanField(label=_("Remember my number on this device"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["region"].choices = [("", ""), *countries()]  # type: ignore[attr-defined]

    def clean_phone_number(self) -> str:
        return MaskedText(self.cleaned_data["phone_number"])

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        if text := fields.get("phone_number"):
            try:
                fields["phone_number"] = read_phone_number(
                    text, to_send=True, region=fields.get("region") or None
                )
            except PhoneNumberError as error:
                self.add_error("phone_number", str(error))
        return fields


class ChoiceForm(forms.Form):
    """One of the numbers of who is logged in, by its ``id``; the main one if none is chosen."""

    number = forms.CharField(required=False)


class CodeForm(forms.Form):
    """A code. Whatever was typed is a guess: the service reads it, and counts it."""

    code = forms.CharField(
        label=_("Code"),
        error_messages={"required": _("Enter the code.")},
    )

    def clean_code(self) -> str:
        return MaskedText(self.cleaned_data["code"])


class ResendForm(forms.Form):
    """By which channel the code is to be sent once more."""

    channel = forms.CharField(required=False)

    def clean_channel(self) -> str:
        settings = get_settings()
        channel: str = self.cleaned_data["channel"] or settings.default_channel
        if channel not in settings.CHANNELS:
            raise forms.ValidationError("", code="not_offered")
        return channel
