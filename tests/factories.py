"""Rows for the tests."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    SelfAttribute,
    Sequence,
    SubFactory,
)
from factory.django import DjangoModelFactory

from django_sms_otp import codes
from django_sms_otp.models import OTPCode, VerifiedPhone


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    username = Sequence("user{}".format)


class VerifiedPhoneFactory(DjangoModelFactory[VerifiedPhone]):
    class Meta:
        model = VerifiedPhone

    user = SubFactory(UserFactory)
    phone_number = Sequence(lambda n: f"+1415555{n % 10_000:04}")
    verified_at = LazyFunction(timezone.now)


class OTPCodeFactory(DjangoModelFactory[OTPCode]):
    """A live code of a fresh number, under the site's own key."""

    class Meta:
        model = OTPCode

    phone_number = Sequence(lambda n: f"+1415556{n % 10_000:04}")
    region = "US"
    purpose = "login"
    key_id = LazyFunction(lambda: codes.fingerprint(settings.SECRET_KEY.encode()))
    code_length = 6
    created_at = LazyFunction(timezone.now)
    expires_at = LazyAttribute(lambda code: code.created_at + timedelta(minutes=10))
    claimed_at = SelfAttribute("created_at")
    backend = "default"
