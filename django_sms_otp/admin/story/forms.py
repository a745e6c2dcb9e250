"""What staff choose before an action is done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy

from ...conf import get_settings
from ...models import OTPCode
from ..formatting import format_moment
from .gathering import Story
from .words import channel_name, opens_account, purpose_name

__all__ = ["SendForm", "SpanForm", "sendable"]

A_DAY, FOR_GOOD = "24", ""

SPANS = [
    ("1", gettext_lazy("for an hour")),
    (A_DAY, gettext_lazy("for a day")),
    ("168", gettext_lazy("for a week")),
    ("720", gettext_lazy("for 30 days")),
    (FOR_GOOD, gettext_lazy("until somebody lifts it")),
]
"""Hours, and what they are called."""


class SpanForm(forms.Form):
    """How long a decision of staff holds."""

    hours = forms.ChoiceField(
        label=gettext_lazy("How long"), choices=SPANS, required=False, initial=A_DAY
    )

    def until(self) -> Any:
        hours = self.cleaned_data["hours"]
        return timezone.now() + timedelta(hours=int(hours)) if hours else None


class SendForm(forms.Form):
    """Which code is sent, and by which channel.

    Each page takes its own code alone. So staff choose one, unless there is no doubt.
    """

    code = forms.CharField(label=gettext_lazy("Code"))
    channel = forms.ChoiceField(label=gettext_lazy("Channel"))

    def __init__(self, story: Story, *args: Any) -> None:
        super().__init__(*args)
        channel: Any = self.fields["channel"]
        channel.choices = [(name, channel_name(name)) for name in get_settings().CHANNELS]
        if len(channel.choices) == 1:
            channel.widget = forms.HiddenInput()
            channel.initial = channel.choices[0][0]
        codes, meant = sendable(story), _meant(story)
        choices = [(str(code.pk), _name(code, story)) for code in codes]
        if meant is not None:
            self.initial["code"] = str(meant.pk)
        else:
            choices = [("", "---------"), *choices]
        is_sure = meant is not None and len(codes) == 1
        widget = forms.HiddenInput() if is_sure else forms.Select(choices=choices)
        self.fields["code"].widget = widget

    def chosen(self, story: Story) -> OTPCode | None:
        named = self.cleaned_data["code"]
        return next((code for code in story.codes if str(code.pk) == named), None)


def sendable(story: Story) -> list[OTPCode]:
    """Return the codes that can be sent again."""
    return [code for code in story.codes if code.is_live(story.now) and not code.is_test]


def _meant(story: Story) -> OTPCode | None:
    """Return the code that the person waits for; ``None`` if that is uncertain.

    Whoever is logged in may have asked for a code to this number, to take it.
    """
    codes = sendable(story)
    if story.found_by is not None:
        return story.found_by if story.found_by in codes else None
    return codes[0] if len(codes) == 1 and opens_account(codes[0]) else None


def _name(code: OTPCode, story: Story) -> str:
    at = format_moment(code.created_at, story.now)
    return f"{code.short_id}: {purpose_name(code.purpose)}, {at}"
