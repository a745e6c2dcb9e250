"""Whose number is it? User resolvers: one class behind ``USER_RESOLVER``."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist
from django.db import models, router
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

from ..conf import get_settings, load_class
from ..exceptions import InvalidSettings, LoginRefused
from ..models import VerifiedPhone
from ..phone import PhoneNumber

__all__ = ["UserFieldResolver", "UserResolver", "VerifiedPhoneResolver", "get_user_resolver"]

USERNAME_BYTES = 16
"""Random, so that a name tells nothing of the number, nor of how many users there are."""


class UserResolver:
    """Finds, creates and admits users. Subclass one of the two below to differ.

    :meth:`create_user`, and a :meth:`may_log_in` of the site's own, run in the transaction that
    redeems the code, the others outside of any.
    """

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        """Return the account that this number opens, active or not.

        :raises LoginRefused: it cannot be said which one.
        """
        raise NotImplementedError(f"{type(self).__name__} must define get_user().")

    def is_verified(self, phone_number: PhoneNumber) -> bool:
        """Tell whether this number opens an account, and so is exempt from fraud controls."""
        try:
            return self.get_user(phone_number) is not None
        except LoginRefused:
            return False

    def create_user(self, phone_number: PhoneNumber) -> AbstractBaseUser:
        """Create the account of a new number.

        The password is unusable, and the username tells nothing of the number.

        :raises InvalidSettings: the user model needs values that nobody can guess; override
            this method.
        """
        if missing := self.missing_values():
            raise InvalidSettings(self.missing_values_text(missing))
        user_model = get_user_model()
        user = user_model(**self.known_values(phone_number.e164))
        # Once, and saved before a token is minted: simplejwt may put a hash of it in the token,
        # and each call makes another one.
        user.set_unusable_password()
        user.save()
        return user

    def may_log_in(self, user: AbstractBaseUser, phone_number: PhoneNumber) -> bool:
        """Tell whether ``user`` may log in by SMS. The default refuses inactive users and,
        unless ``ALLOW_STAFF``, staff: for them a taken-over number must not be enough."""
        if not user.is_active:
            return False
        privileged = getattr(user, "is_staff", False) or getattr(user, "is_superuser", False)
        return get_settings().ALLOW_STAFF or not privileged

    def known_values(self, e164: str) -> dict[str, Any]:
        """Return the field values of a new user."""
        field = get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD)
        # A subclass, an EmailField say, wants more than random text.
        if not isinstance(field, models.CharField) or type(field) is not models.CharField:
            return {}
        if _is_phone_like(field.name) or field.has_default():
            return {}
        return {field.name: f"user_{secrets.token_hex(USERNAME_BYTES)}"[: field.max_length]}

    def missing_values(self) -> list[str]:
        """Name the fields that a new user needs and nobody can guess."""
        known = self.known_values("")
        return [field.name for field in _required_fields() if field.name not in known]

    def missing_values_text(self, missing: list[str]) -> str:
        """Say what to do about them."""
        names = ", ".join(map(repr, missing))
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return (
            f"{get_user_model()._meta.label} needs a value for {names}, which an SMS does not "
            f"give. Subclass {path}, define known_values(e164) or create_user(phone_number), "
            "and name it in SMS_OTP['USER_RESOLVER']; or give the fields a default; or set "
            "SMS_OTP['UNKNOWN_NUMBERS'] to 'reject'."
        )


class VerifiedPhoneResolver(UserResolver):
    """Links numbers to users by :class:`~django_sms_otp.models.VerifiedPhone`.

    Works with any user model, the stock one included.
    """

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        # Where they are written: a replica that lags knows nothing of the last login.
        alias = router.db_for_write(VerifiedPhone)
        model = get_user_model()
        if alias != router.db_for_write(model):
            phones = VerifiedPhone.objects.using(alias)
            return _user_elsewhere(phones.filter(phone_number=phone_number.e164).first())
        users = model._default_manager.using(alias)
        return next(iter(users.filter(verified_phones__phone_number=phone_number.e164)), None)

    def create_user(self, phone_number: PhoneNumber) -> AbstractBaseUser:
        user = super().create_user(phone_number)
        VerifiedPhone.objects.create(
            user_id=user.pk, phone_number=phone_number.e164, verified_at=timezone.now()
        )
        return user


class UserFieldResolver(UserResolver):
    """Uses a field of the site's own user model: ``USER_PHONE_FIELD``, E.164 and unique.

    Only for numbers that the site has verified. A number that somebody merely typed into a
    profile would let whoever holds that number into the account.
    """

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        users = _users().filter(**{phone_field().name: phone_number.e164})[:2]
        if len(users) > 1:
            raise LoginRefused("Several users have this phone number.")
        return users[0] if users else None

    def known_values(self, e164: str) -> dict[str, Any]:
        return {**super().known_values(e164), phone_field().name: e164}


def get_user_resolver() -> UserResolver:
    """Return the resolver that ``USER_RESOLVER`` names.

    :raises InvalidSettings: it cannot be imported, or is no :class:`UserResolver`.
    """
    return load_class("USER_RESOLVER", UserResolver)()


def phone_field() -> models.Field[Any, Any]:
    """Return the field that ``USER_PHONE_FIELD`` names.

    :raises InvalidSettings: there is none.
    """
    name = get_settings().USER_PHONE_FIELD
    label = get_user_model()._meta.label
    try:
        field = get_user_model()._meta.get_field(name or "")
    except FieldDoesNotExist:
        raise InvalidSettings(
            f"SMS_OTP['USER_PHONE_FIELD'] must name the field of {label} with the verified "
            f"phone number, not {name!r}."
        ) from None
    if not isinstance(field, models.Field) or field.is_relation:
        raise InvalidSettings(f"SMS_OTP['USER_PHONE_FIELD']: {name!r} is no column of {label}.")
    return field


def phone_like_fields() -> list[str]:
    """Name the fields of the user model that look like phone numbers."""
    return [field.name for field in _columns() if _is_phone_like(field.name)]


def _users() -> models.QuerySet[Any]:
    return get_user_model()._default_manager.using(router.db_for_write(get_user_model()))


def _user_elsewhere(verified: VerifiedPhone | None) -> AbstractBaseUser | None:
    """Return the user of a number that is kept in another database than the users."""
    if verified is None:
        return None
    user: AbstractBaseUser | None = _users().filter(pk=verified.user_id).first()
    if user is None:
        # No constraint reaches there. That the number is free is for the site to say.
        raise LoginRefused("The account of this phone number is gone.")
    return user


def _required_fields() -> Iterator[models.Field[Any, Any]]:
    for field in _columns():
        optional = field.null or field.blank or field.has_default()
        if not (optional or _is_set_by_django(field) or field.name == "password"):
            yield field


def _is_set_by_django(field: models.Field[Any, Any]) -> bool:
    return (
        isinstance(field, models.AutoField)
        or field.generated
        or field.db_default is not NOT_PROVIDED
        or getattr(field, "auto_now", False)
        or getattr(field, "auto_now_add", False)
        or getattr(field.remote_field, "parent_link", False)
    )


def _columns() -> list[models.Field[Any, Any]]:
    return list(get_user_model()._meta.concrete_fields)


def _is_phone_like(name: str) -> bool:
    return any(word in name.lower() for word in ("phone", "mobile", "msisdn"))
