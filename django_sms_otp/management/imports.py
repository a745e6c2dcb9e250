"""Links numbers that a site has verified already, and says which ones it refuses and why."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Field, QuerySet
from django.utils import timezone

from ..db import database_alias
from ..exceptions import PhoneNumberError
from ..models import VerifiedPhone
from ..phone import mask, parse_phone_number

SHARED = "shared_by_several_users"
TAKEN = "belongs_to_another_user"
UNKNOWN_USER = "unknown_user"

CSV_COLUMNS = ("user", "phone_number")


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the source: a number, and the user who is said to hold it.

    :param user: the primary key or the value of another unique field, as the source has it.
    """

    user: Any
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A claim that was refused. ``reason`` is a stable word."""

    user: Any
    number: str
    reason: str


@dataclass(slots=True)
class Batch:
    """What became of a batch of claims."""

    linked: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)


def claims_from_field(name: str) -> Iterator[Claim]:
    """Read a field of the user model, and skip users without a number."""
    users = _users().order_by("pk").values_list("pk", name)
    for user, number in users.exclude(**{f"{name}__isnull": True}).iterator():
        if text := _text_of(number).strip():
            yield Claim(user, text)


def claims_from_csv(path: Path) -> Iterator[Claim]:
    """Read the columns ``user`` and ``phone_number`` of a UTF-8 file.

    :raises ValueError: a column is missing.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if missing := set(CSV_COLUMNS) - set(reader.fieldnames or ()):
            raise ValueError(f"{path} has no column {min(missing)!r}")
        for row in reader:
            yield Claim((row["user"] or "").strip(), row["phone_number"] or "")


class PhoneImport:
    """Links claims batch by batch. Refuses every claim to a number that several users claim.

    :param user_field: the field of the user model that a claim's ``user`` refers to.
    """

    def __init__(
        self,
        *,
        user_field: Field[Any, Any],
        default_region: str | None,
        dry_run: bool,
    ) -> None:
        self._user_field = user_field
        self._default_region = default_region
        self._dry_run = dry_run
        self._alias = database_alias(VerifiedPhone)
        self._claimants: dict[str, Any] = {}
        self._shared: set[str] = set()

    def learn(self, claims: Iterable[Claim]) -> None:
        """Note which users claim which number, before the first number is linked."""
        for claim in claims:
            try:
                number = self._parse(claim)
            except PhoneNumberError:
                continue
            if self._claimants.setdefault(number, claim.user) != claim.user:
                self._shared.add(number)

    def take(self, claims: Iterable[Claim]) -> Batch:
        """Link the numbers that can be linked, and return what became of all."""
        batch = Batch()
        wanted: dict[str, Claim] = {}
        for claim in claims:
            try:
                number = self._parse(claim)
            except PhoneNumberError as error:
                batch.refused.append(Refusal(claim.user, _mask_text(claim.text), error.code))
                continue
            if number in self._shared:
                batch.refused.append(Refusal(claim.user, mask(number), SHARED))
            elif number in wanted:
                batch.unchanged += 1
            else:
                wanted[number] = claim
        self._link(wanted, batch)
        return batch

    def _parse(self, claim: Claim) -> str:
        return parse_phone_number(claim.text, default_region=self._default_region).e164

    def _link(self, wanted: dict[str, Claim], batch: Batch) -> None:
        user_ids = self._user_ids(claim.user for claim in wanted.values())
        phones = VerifiedPhone.objects.using(self._alias)
        holders = dict(
            phones.filter(phone_number__in=wanted).values_list("phone_number", "user_id")
        )
        new: dict[str, Any] = {}
        for number, claim in wanted.items():
            user_id = user_ids.get(str(claim.user))
            if user_id is None:
                batch.refused.append(Refusal(claim.user, mask(number), UNKNOWN_USER))
            elif number not in holders:
                new[number] = user_id
            elif holders[number] == user_id:
                batch.unchanged += 1
            else:
                batch.refused.append(Refusal(claim.user, mask(number), TAKEN))
        batch.linked = len(new)
        if new and not self._dry_run:
            self._create(new)

    def _user_ids(self, references: Iterable[Any]) -> dict[str, Any]:
        valid = [each for each in references if self._is_valid(each)]
        name = self._user_field.name
        users = _users().filter(**{f"{name}__in": valid})
        return {str(reference): pk for reference, pk in users.values_list(name, "pk")}

    def _is_valid(self, reference: Any) -> bool:
        try:
            self._user_field.to_python(reference)
        except (ValidationError, ValueError):
            return False
        return True

    def _create(self, new: dict[str, Any]) -> None:
        phones = VerifiedPhone.objects.using(self._alias)
        have_primary = set(
            phones.filter(user_id__in=new.values(), is_primary=True).values_list(
                "user_id", flat=True
            )
        )
        now = timezone.now()
        rows = []
        for number, user_id in new.items():
            # Never false: see the model.
            is_primary = None if user_id in have_primary else True
            have_primary.add(user_id)
            rows.append(
                VerifiedPhone(
                    user_id=user_id, phone_number=number, verified_at=now, is_primary=is_primary
                )
            )
        with transaction.atomic(self._alias):
            phones.bulk_create(rows)


def _text_of(number: Any) -> str:
    """Return the number that a field's value stands for.

    The values of django-phonenumber-field have a ``str()`` for people, which may lack the
    country code. With ``--default-region`` it could become another person's number.
    """
    return str(getattr(number, "as_e164", number))


def _users() -> QuerySet[Any]:
    return get_user_model()._default_manager.using(database_alias(get_user_model()))


def _mask_text(text: str) -> str:
    """Mask text that is not a number: it may contain most of one."""
    shown = text.strip()[-2:]
    return "*" * max(0, min(len(text.strip()), 40) - 2) + shown
