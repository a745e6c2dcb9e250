"""Rows for the tests."""

from __future__ import annotations

from datetime import timedelta

import factory
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_sms_otp import codes
from django_sms_otp.models import OTPCode, VerifiedPhone


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence("user{}".format)


class VerifiedPhoneFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = VerifiedPhone

    user = factory.SubFactory(UserFactory)
    phone_number = factory.Sequence(lambda n: f"+1415555{n % 10_000:04}")
    verified_at = factory.LazyFunction(timezone.now)


class OTPCodeFactory(factory.django.DjangoModelFactory):
    """A live code of a fresh number, under the site's own key."""

    class Meta:
        model = OTPCode

    phone_number = factory.Sequence(lambda n: f"+1415556{n % 10_000:04}")
    region = "US"
    purpose = "login"
    key_id = factory.LazyFunction(lambda: codes.fingerprint(settings.SECRET_KEY.encode()))
    code_length = 6
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(lambda code: code.created_at + timedelta(minutes=10))
    claimed_at = factory.SelfAttribute("created_at")
    backend = "default"
