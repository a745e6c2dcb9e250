"""Customers have no username: the phone number is their name, a UUID their key."""

from __future__ import annotations

from .base import *  # noqa: F403

AUTH_USER_MODEL = "customers.PhoneCustomer"
SMS_OTP = {
    "USER_RESOLVER": "django_sms_otp.auth.users.UserFieldResolver",
    "USER_PHONE_FIELD": "phone",
}
