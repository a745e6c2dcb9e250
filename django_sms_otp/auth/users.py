"""Whose number is it? User resolvers: one class behind ``USER_RESOLVER``."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone

from ..conf import get_settings, load_class
from ..db import database_alias
from ..exceptions import InvalidSettings, LoginRefused
from ..models import VerifiedPhone
from ..phone import PhoneNumber
from .last_use import last_use, with_last_use
from .linked_numbers import FieldNumbers, LinkedNumbers, RowNumbers
from .new_users import missing_fields, repeated_fields
from .phone_fields import is_phone_like, phone_field

__all__ = [
    "UserFieldResolver",
    "UserResolver",
    "VerifiedPhoneResolver",
    "get_user_resolver",
    "is_shown",
]

USERNAME_BYTES = 16
"""The name is random: it reveals neither the number nor how many users there are."""

SHORTEST_USERNAME = 16
"""64 random bits. Shorter names would meet."""

SAMPLE_NUMBERS = "+14155550100", "+14155550101"
"""Numbers of films."""


class UserResolver(LinkedNumbers):
    """Finds, creates and admits users. A site subclasses one of the two classes below.

    :meth:`create_user` and the methods that change numbers write, in the transaction that
    redeems the code or changes the number. The others must not write. Any method may run in
    that transaction, so none makes a network call.
    """

    may_log_in_writes: bool = False
    """Whether :meth:`may_log_in` writes or locks rows.

    If ``True``, a login calls it in the transaction that redeems the code.
    """

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        """Return the account that this number opens, active or not.

        :raises LoginRefused: several accounts have this number.
        """
        raise NotImplementedError(f"{type(self).__name__} must define get_user().")

    def is_verified(self, phone_number: PhoneNumber) -> bool:
        """Tell whether this number opens an account, which exempts it from fraud controls."""
        try:
            return self.get_user(phone_number) is not None
        except LoginRefused:
            return False

    def create_user(self, phone_number: PhoneNumber) -> AbstractBaseUser:
        """Create the account of a new number.

        The password is unusable, and the username does not reveal the number.

        :raises InvalidSettings: the user model needs further values; override this method.
        """
        if problem := self._missing_values():
            raise InvalidSettings(problem)
        user = get_user_model()(**self.known_values(phone_number.e164))
        # Save it before a token is made: simplejwt may put a hash of it in the token, and each
        # call sets another one.
        user.set_unusable_password()
        user.save()
        return user

    def may_log_in(self, user: AbstractBaseUser, phone_number: PhoneNumber) -> bool:
        """Tell whether ``user`` may log in by SMS. The default refuses inactive users and,
        unless ``ALLOW_STAFF``, staff: for them a taken-over number must not be enough."""
        if not user.is_active:
            return False
        return get_settings().ALLOW_STAFF or not is_staff(user)

    def last_used_at(
        self, user: AbstractBaseUser, phone_number: PhoneNumber
    ) -> datetime | None:
        """Return when this number last proved to be the user's, for ``STALE_AFTER``.

        ``None``, the default: nobody knows. Then the number counts as stale.
        """
        return None

    def known_values(self, e164: str) -> dict[str, Any]:
        """Return the field values of a new user."""
        field = get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD)
        # A subclass such as EmailField does not take random text.
        if type(field) is not models.CharField:
            return {}
        if is_phone_like(field.name) or field.has_default():
            return {}
        name = secrets.token_hex(USERNAME_BYTES)
        room = field.max_length or USERNAME_BYTES * 4
        if room < SHORTEST_USERNAME:
            return {}
        return {field.name: f"user_{name}" if room > len(name) + 5 else name[:room]}

    def registration_problem(self) -> str | None:
        """Return what to do if new users need other values than :meth:`known_values` gives."""
        return self._missing_values() or self._repeated_values()

    def _missing_values(self) -> str | None:
        missing = missing_fields(self.known_values(SAMPLE_NUMBERS[0]))
        if not missing:
            return None
        return (
            f"{get_user_model()._meta.label} needs a value for {_listed(missing)}, which an "
            f"SMS does not give. {self._advice()} Or give the fields a default."
        )

    def _repeated_values(self) -> str | None:
        repeated = repeated_fields(*map(self.known_values, SAMPLE_NUMBERS))
        if not repeated:
            return None
        return (
            f"{get_user_model()._meta.label} must have unique values for {_listed(repeated)}, "
            "but gives the same ones to each new user: every registration after the first "
            f"would fail. {self._advice()} Or let the fields be null, with no other default."
        )

    def _advice(self) -> str:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return (
            f"Subclass {path}, define known_values(e164) or create_user(phone_number), and "
            "name it in SMS_OTP['USER_RESOLVER']; or set SMS_OTP['UNKNOWN_NUMBERS'] to "
            "'reject'."
        )


class VerifiedPhoneResolver(RowNumbers, UserResolver):
    """Links numbers to users by :class:`~django_sms_otp.models.VerifiedPhone`.

    Works with any user model, including Django's.
    """

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        # Not from a replica: it may not know of the last login yet.
        alias = database_alias(VerifiedPhone)
        if alias == database_alias(get_user_model()):
            # One statement, whether or not the account exists: its time must not tell.
            users = with_last_use(
                _users().filter(verified_phones__phone_number=phone_number.e164)
            )
        else:
            users = _users().filter(pk__in=[*_user_ids(phone_number)])
        return next(iter(users), None)

    def create_user(self, phone_number: PhoneNumber) -> AbstractBaseUser:
        """Create the account of a new number.

        :raises LoginRefused: the default manager of the site hides the user of this number. Or
            the user is gone from another database, which no constraint reaches.
        """
        user_ids = [*_user_ids(phone_number)]
        if user_ids and not _users().filter(pk__in=user_ids).exists():
            raise LoginRefused("The account of this phone number is gone or hidden.")
        user = super().create_user(phone_number)
        now = timezone.now()
        VerifiedPhone.objects.create(
            user_id=user.pk, phone_number=phone_number.e164, verified_at=now, last_used_at=now
        )
        return user

    def last_used_at(
        self, user: AbstractBaseUser, phone_number: PhoneNumber
    ) -> datetime | None:
        return last_use(user, phone_number)


class UserFieldResolver(FieldNumbers, UserResolver):
    """Uses a field of the user model: ``USER_PHONE_FIELD``, in E.164 and unique.

    Use it only if the site has verified the numbers. Otherwise anybody can type a number into a
    profile, and its holder gets into the account.
    """

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        users = _users().filter(**{phone_field().name: phone_number.e164})[:2]
        if len(users) > 1:
            raise LoginRefused("Several users have this phone number.")
        return users[0] if users else None

    def create_user(self, phone_number: PhoneNumber) -> AbstractBaseUser:
        """Create the account of a new number.

        :raises LoginRefused: the default manager of the site hides the user of this number.
        """
        everybody = get_user_model()._base_manager.using(database_alias(get_user_model()))
        if everybody.filter(**{phone_field().name: phone_number.e164}).exists():
            raise LoginRefused("The account of this phone number is hidden.")
        return super().create_user(phone_number)

    def known_values(self, e164: str) -> dict[str, Any]:
        return {**super().known_values(e164), phone_field().name: e164}


def get_user_resolver() -> UserResolver:
    """Return the resolver that ``USER_RESOLVER`` names.

    :raises InvalidSettings: the path cannot be imported, or names no :class:`UserResolver`.
    """
    return load_class("USER_RESOLVER", UserResolver)()


def creates_users_itself(resolver: UserResolver) -> bool:
    """Tell whether the site has defined :meth:`UserResolver.create_user` in another way."""
    ours = (UserResolver, VerifiedPhoneResolver, UserFieldResolver)
    return type(resolver).create_user not in [each.create_user for each in ours]


def is_staff(user: AbstractBaseUser) -> bool:
    """Tell whether a user has more rights than others."""
    return bool(getattr(user, "is_staff", False) or getattr(user, "is_superuser", False))


def is_guarded(user: AbstractBaseUser) -> bool:
    """Tell whether a user needs a number of theirs for more than a login: see
    ``GUARD_STAFF_NUMBERS``."""
    return get_settings().GUARD_STAFF_NUMBERS and is_staff(user)


def is_shown(user: AbstractBaseUser) -> bool:
    """Tell whether the default manager of the site shows a user.

    A resolver of the site may have found the user by another manager, as ``phone.user`` does,
    or a new user may wait for an approval. A token would be of no use to them.
    """
    if type(get_user_model()._default_manager).get_queryset is models.Manager.get_queryset:
        return True  # It shows every user, so the query is saved.
    return bool(_users().filter(pk=user.pk).exists())


def _users() -> models.QuerySet[Any]:
    """Return the users whom the default manager of the site shows."""
    return get_user_model()._default_manager.using(database_alias(get_user_model()))


def _user_ids(phone_number: PhoneNumber) -> models.QuerySet[VerifiedPhone, Any]:
    phones = VerifiedPhone.objects.using(database_alias(VerifiedPhone))
    return phones.filter(phone_number=phone_number.e164).values_list("user_id", flat=True)


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names))
