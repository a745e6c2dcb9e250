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
from factory.helpers import post_generation

from django_sms_otp import codes
from django_sms_otp.models import Limit, LimitKind, OTPCode, VerifiedPhone


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
    is_primary = LazyAttribute(lambda made: _is_first(made.user))


class OTPCodeFactory(DjangoModelFactory[OTPCode]):
    """A live code of a fresh number, under the site's own key, and the number's row."""

    class Meta:
        model = OTPCode
        skip_postgeneration_save = True

    phone_number = Sequence(lambda n: f"+1415556{n % 10_000:04}")
    region = "US"
    purpose = "login"
    key_id = LazyFunction(lambda: codes.fingerprint(settings.SECRET_KEY.encode()))
    code_length = 6
    created_at = LazyFunction(timezone.now)
    expires_at = LazyAttribute(lambda code: code.created_at + timedelta(minutes=10))
    claimed_at = SelfAttribute("created_at")
    backend = "default"

    @post_generation  # type: ignore[untyped-decorator]
    def number_row(self: OTPCode, create: bool, *_args: object, **_kwargs: object) -> None:
        if create:
            Limit.objects.get_or_create(
                kind=LimitKind.NUMBER,
                subject=self.phone_number,
                defaults={"updated_at": self.created_at},
            )


def _is_first(user: User) -> bool | None:
    """Tell whether the user has no primary number yet; the column has no false."""
    has_primary = VerifiedPhone.objects.filter(user=user, is_primary=True).exists()
    return None if has_primary else True
