"""The lists and pages of the admin, on Unfold's ``ModelAdmin``."""

from __future__ import annotations

from django.contrib import admin
from django.forms import Media
from unfold.admin import ModelAdmin

from ... import models
from ...admin import codes, counts, limits, phones

__all__ = ["HourlyCountAdmin", "LimitAdmin", "OTPCodeAdmin", "VerifiedPhoneAdmin"]


class UnfoldAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold has no types
    """What is added to each of them."""

    list_filter_sheet = False
    list_fullwidth = True

    @property
    def media(self) -> Media:
        media: Media = super().media
        return media + Media(css={"all": ["django_sms_otp/unfold.css"]})


class OTPCodeAdmin(codes.OTPCodeAdmin, UnfoldAdmin):
    pass


class VerifiedPhoneAdmin(phones.VerifiedPhoneAdmin, UnfoldAdmin):
    pass


class LimitAdmin(limits.LimitAdmin, UnfoldAdmin):
    pass


class HourlyCountAdmin(counts.HourlyCountAdmin, UnfoldAdmin):
    pass


for model, model_admin in (
    (models.OTPCode, OTPCodeAdmin),
    (models.VerifiedPhone, VerifiedPhoneAdmin),
    (models.Limit, LimitAdmin),
    (models.HourlyCount, HourlyCountAdmin),
):
    admin.site.unregister(model)
    admin.site.register(model, model_admin)
