"""Which numbers open a user's account, and how one is linked, removed or preferred.

The two resolvers keep numbers in two places: in rows of ``VerifiedPhone``, or in a field of the
user. The rules are the same for both, and are in ``services.numbers``.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from ..conf import get_settings
from ..db import database_alias
from ..exceptions import LastWayIn, PhoneNumberError, PhoneNumberTaken
from ..models import VerifiedPhone
from ..phone import PhoneNumber, read_any
from ..results import LinkedNumber
from .phone_fields import phone_field, read_stored_number

__all__ = ["FieldNumbers", "LinkedNumbers", "RowNumbers", "have_a_primary"]

ONLY = "only"
"""The id of a number that is a field of its user, who has no other."""


class LinkedNumbers:
    """The numbers of users: the part of a resolver that keeps them.

    The three methods that write run in the transaction that has locked the number's row and
    then the users concerned. They must make no network calls.
    """

    def numbers_of(
        self, user: AbstractBaseUser, *, for_update: bool = False
    ) -> list[LinkedNumber]:
        """Return the numbers that open this account, the primary one first.

        :param for_update: read what is committed by now, in the transaction.
        """
        raise NotImplementedError(f"{type(self).__name__} must define numbers_of().")

    def holder_of(self, phone_number: PhoneNumber) -> Any:
        """Return the primary key of the user who has this number; ``None`` if nobody has.

        Hidden users have theirs, too.
        """
        raise NotImplementedError(f"{type(self).__name__} must define holder_of().")

    def link_number(
        self,
        user: AbstractBaseUser,
        phone_number: PhoneNumber,
        *,
        replaced: LinkedNumber | None = None,
    ) -> None:
        """Give a proven number to a user, and take it from whoever has it.

        :param replaced: a number of the user that it takes the place of.
        :raises PhoneNumberTaken: it cannot be taken from its user.
        """
        raise NotImplementedError(f"{type(self).__name__} must define link_number().")

    def unlink_number(self, user: AbstractBaseUser, number: LinkedNumber) -> None:
        """Take a number from a user.

        :raises LastWayIn: the user cannot be without it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define unlink_number().")

    def make_primary(self, user: AbstractBaseUser, number: LinkedNumber) -> None:
        """Make one of a user's numbers the main one."""
        raise NotImplementedError(f"{type(self).__name__} must define make_primary().")

    def has_other_way_in(self, user: AbstractBaseUser) -> bool:
        """Tell whether a user without any number could log in. The default asks for a password.

        A site with social logins or passkeys looks for those, too.
        """
        # An empty hash, as of a user made without a password, fits no password.
        return bool(user.password) and user.has_usable_password()


class RowNumbers(LinkedNumbers):
    """Keeps any number of numbers for a user, in rows of ``VerifiedPhone``."""

    def numbers_of(
        self, user: AbstractBaseUser, *, for_update: bool = False
    ) -> list[LinkedNumber]:
        rows = _rows_of(user.pk, for_update=for_update)
        found = [_linked_number(row) for row in rows.order_by("verified_at", "pk")]
        return sorted(found, key=lambda number: not number.is_primary)

    def holder_of(self, phone_number: PhoneNumber) -> Any:
        rows = _rows().filter(phone_number=phone_number.e164)
        return rows.values_list("user_id", flat=True).first()

    def link_number(
        self,
        user: AbstractBaseUser,
        phone_number: PhoneNumber,
        *,
        replaced: LinkedNumber | None = None,
    ) -> None:
        now = timezone.now()
        holder = self.holder_of(phone_number)
        if holder is None or str(holder) != str(user.pk):
            # A new row: its id was never one of the old holder's.
            _rows().filter(phone_number=phone_number.e164).delete()
            _rows().create(
                user_id=user.pk,
                phone_number=phone_number.e164,
                verified_at=now,
                last_used_at=now,
                is_primary=None,
            )
            if holder is not None:
                have_a_primary(holder)
        else:
            row = _rows().filter(phone_number=phone_number.e164)
            row.update(verified_at=now, last_used_at=now, is_test=False)
        if replaced is not None:
            _rows_of(user.pk).filter(pk=replaced.id).delete()
        if replaced is not None and replaced.is_primary:
            _prefer(user.pk, _rows().get(phone_number=phone_number.e164).pk)
        else:
            have_a_primary(user.pk)

    def unlink_number(self, user: AbstractBaseUser, number: LinkedNumber) -> None:
        _rows_of(user.pk).filter(pk=number.id).delete()
        have_a_primary(user.pk)

    def make_primary(self, user: AbstractBaseUser, number: LinkedNumber) -> None:
        _prefer(user.pk, number.id)


class FieldNumbers(LinkedNumbers):
    """Keeps the one number of a user in ``USER_PHONE_FIELD``. A new one takes its place."""

    def numbers_of(
        self, user: AbstractBaseUser, *, for_update: bool = False
    ) -> list[LinkedNumber]:
        users = _users(for_update=for_update).filter(pk=user.pk)
        value = users.values_list(phone_field().name, flat=True).first()
        try:
            phone_number = read_stored_number(value) if value else None
        except PhoneNumberError:
            phone_number = None
        if phone_number is None:
            return []
        # Such a row is not kept for other numbers.
        tests = _rows_of(user.pk).filter(phone_number=phone_number.e164, is_test=True)
        is_test = bool(get_settings().TEST_NUMBERS) and tests.exists()
        number = LinkedNumber(
            id=ONLY, phone_number=phone_number, is_primary=True, is_test=is_test
        )
        return [number]

    def holder_of(self, phone_number: PhoneNumber) -> Any:
        users = _users().filter(**{phone_field().name: phone_number.e164})
        return users.values_list("pk", flat=True).first()

    def link_number(
        self,
        user: AbstractBaseUser,
        phone_number: PhoneNumber,
        *,
        replaced: LinkedNumber | None = None,
    ) -> None:
        holder = self.holder_of(phone_number)
        if holder is not None and holder != user.pk:
            if not _may_be_empty():
                raise PhoneNumberTaken("The field of the other user cannot be empty.")
            _write_field(holder, _nothing())
        _write_field(user.pk, phone_number.e164)
        # No fixed code proves a number, so a person has it.
        _rows().filter(phone_number=phone_number.e164, is_test=True).update(is_test=False)

    def unlink_number(self, user: AbstractBaseUser, number: LinkedNumber) -> None:
        if not _may_be_empty():
            raise LastWayIn("The field of the user cannot be empty.")
        _write_field(user.pk, _nothing())

    def make_primary(self, user: AbstractBaseUser, number: LinkedNumber) -> None:
        """Do nothing: the only number is the main one."""


def _rows() -> QuerySet[VerifiedPhone]:
    # Not from a replica: it may not know of the last change yet.
    return VerifiedPhone.objects.using(database_alias(VerifiedPhone))


def _rows_of(user_id: Any, *, for_update: bool = False) -> QuerySet[VerifiedPhone]:
    # MySQL would else answer from before the transaction had its locks.
    rows = _rows().select_for_update() if for_update else _rows()
    return rows.filter(user_id=user_id)


def _prefer(user_id: Any, row_id: Any) -> None:
    rows = _rows_of(user_id)
    # First, because of the constraint: a user has one primary number.
    rows.filter(is_primary=True).exclude(pk=row_id).update(is_primary=None)
    rows.filter(pk=row_id).update(is_primary=True)


def have_a_primary(user_id: Any) -> None:
    """Make the oldest number of a user primary if none is.

    Call it in the transaction that has taken a number from the user.
    """
    rows = [*_rows_of(user_id, for_update=True).order_by("verified_at", "pk")]
    if rows and not any(row.is_primary for row in rows):
        _prefer(user_id, rows[0].pk)


def _linked_number(row: VerifiedPhone) -> LinkedNumber:
    return LinkedNumber(
        id=str(row.pk),
        phone_number=PhoneNumber(e164=row.phone_number, region=_region_of(row.phone_number)),
        is_primary=bool(row.is_primary),
        verified_at=row.verified_at,
        last_used_at=row.last_used_at,
        is_test=row.is_test,
    )


def _region_of(e164: str) -> str:
    """Return the region of a stored number, which its country may have given up meanwhile."""
    try:
        return read_any(e164).region
    except PhoneNumberError:
        return ""


def _users(*, for_update: bool = False) -> QuerySet[Any]:
    users = get_user_model()._base_manager.using(database_alias(get_user_model()))
    return users.select_for_update() if for_update else users.all()


def _may_be_empty() -> bool:
    """Tell whether several users may have no number: an empty text is unique, too."""
    return phone_field().null or not phone_field().unique


def _nothing() -> str | None:
    return None if phone_field().null else ""


def _write_field(user_id: Any, e164: str | None) -> None:
    # By save(), so that the site's own save() and its signals hear of it.
    user = _users().get(pk=user_id)
    setattr(user, phone_field().name, e164)
    user.save(update_fields=[phone_field().name])
