"""Links numbers that a site has verified already, and says which ones it refuses and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Field, QuerySet
from django.utils import timezone

from ..auth.phone_fields import read_stored_number
from ..db import database_alias
from ..exceptions import PhoneNumberError
from ..models import OTPCode, VerifiedPhone
from ..phone import DEFAULT_REFUSED_TYPES, mask
from ..phone.typed_text import without_marks
from .csv_files import rows_of

__all__ = [
    "Claim",
    "PhoneImport",
    "Refusal",
    "claims_from_csv",
    "claims_from_field",
]

AS_AT_LOGIN: Any = {"allowed_regions": None, "refused_types": DEFAULT_REFUSED_TYPES}
"""What a site accepts that changes no setting."""

Claim = tuple[Any, Any]
"""A user, by the value of a unique field, and the user's number: its text, or an object."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A claim that was refused. ``number`` is masked, and ``reason`` is a stable word."""

    user: Any
    number: str
    reason: str


def claims_from_field(name: str) -> Iterator[Claim]:
    """Read a field of the user model, and skip users without a number."""
    users = _users().order_by("pk").values_list("pk", name)
    for user, number in users.exclude(**{f"{name}__isnull": True}).iterator():
        if number != "":
            yield user, number


def claims_from_csv(path: Path) -> Iterator[Claim]:
    """Read the columns ``user`` and ``phone_number`` of a UTF-8 file.

    :raises ValueError: see :func:`.csv_files.rows_of`.
    """
    for user, number in rows_of(path, "user", "phone_number"):
        yield without_marks(user).strip(), number


class PhoneImport:
    """Links numbers to users, counts them, and collects the refused claims.

    :param user_field: the field of the user model that the claims name users by.
    """

    def __init__(self, user_field: Field[Any, Any]) -> None:
        self.linked = 0
        self.unchanged = 0
        self.refused: list[Refusal] = []
        self._user_field = user_field
        self._phones = VerifiedPhone.objects.using(database_alias(VerifiedPhone))

    def read(self, claims: Iterable[Claim], default_region: str | None) -> dict[str, Any]:
        """Return the user of each number. Refuse a number that several users claim."""
        claimants: dict[str, dict[Any, None]] = {}
        for user, written in claims:
            try:
                number = read_stored_number(written, default_region, **AS_AT_LOGIN).e164
            except PhoneNumberError as error:
                self.refused.append(Refusal(user, _mask_text(written), error.code))
            else:
                claimants.setdefault(number, {})[user] = None
        for number, users in claimants.items():
            if len(users) > 1:
                self._refuse(users, number, "shared_by_several_users")
        return {number: user for number, [user, *others] in claimants.items() if not others}

    def link(self, users: Mapping[str, Any], *, dry_run: bool) -> None:
        """Link numbers to their users, all in one transaction."""
        user_ids = self._user_ids(users.values())
        known = self._phones.filter(phone_number__in=users)
        holders = dict(known.values_list("phone_number", "user_id"))
        new: dict[str, Any] = {}
        for number, user in users.items():
            user_id = user_ids.get(self._key(user))
            if user_id is None:
                self._refuse([user], number, "unknown_user")
            elif number not in holders:
                new[number] = user_id
            elif holders[number] == user_id:
                self.unchanged += 1
            else:
                self._refuse([user], number, "belongs_to_another_user")
        if not dry_run:
            self._create(new)
        self.linked += len(new)

    def _refuse(self, users: Iterable[Any], number: str, reason: str) -> None:
        self.refused += [Refusal(user, mask(number), reason) for user in users]

    def _user_ids(self, references: Iterable[Any]) -> dict[Any, Any]:
        # By value: two values may look alike to people, and one of them opens an account.
        keys = {self._key(each) for each in references} - {None}
        name = self._user_field.name
        users = _users().filter(**{f"{name}__in": keys})
        return {self._key(value): pk for value, pk in users.values_list(name, "pk")}

    def _key(self, reference: Any) -> Any:
        try:
            return self._user_field.to_python(reference)
        except (ValidationError, ValueError):
            return None

    def _create(self, new: Mapping[str, Any]) -> None:
        primary = self._phones.filter(user_id__in=new.values(), is_primary=True)
        have_primary = set(primary.values_list("user_id", flat=True))
        now = timezone.now()
        rows = []
        for number, user_id in new.items():
            row = VerifiedPhone(user_id=user_id, phone_number=number, verified_at=now)
            if user_id in have_primary:
                # Never false: see the model.
                row.is_primary = None
            have_primary.add(user_id)
            rows.append(row)
        with transaction.atomic(self._phones.db):
            self._phones.bulk_create(rows)
        # As when a number is linked: a code from before would open the account of its new
        # holder to whoever has read it.
        OTPCode.objects.using(database_alias()).filter(phone_number__in=new).end(now)


def _users() -> QuerySet[Any]:
    return get_user_model()._default_manager.using(database_alias(get_user_model()))


def _mask_text(written: Any) -> str:
    """Mask what is not a number: it may contain most of one."""
    text = written.strip()[:40] if isinstance(written, str) else str(written)[:40]
    return "*" * (len(text) - 2) + text[-2:]
