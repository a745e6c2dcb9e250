"""User models of sites that are not like the stock one."""

from __future__ import annotations

import uuid

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models.functions import Lower


class PhoneCustomer(AbstractBaseUser):
    """No username: the verified phone number is the name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    phone = models.CharField(max_length=16, unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "phone"


class EmailCustomer(AbstractBaseUser):
    """Needs an address and a tariff, which no SMS gives."""

    email = models.EmailField(unique=True)
    tariff = models.CharField(max_length=10)
    mobile = models.CharField(max_length=16, null=True)  # noqa: DJ001

    USERNAME_FIELD = "email"


class SharedPhoneCustomer(AbstractBaseUser):
    """Numbers are not unique: a family may share one."""

    username = models.CharField(max_length=40, unique=True)
    phone = models.CharField(max_length=16)

    USERNAME_FIELD = "username"


def free_plan() -> str:
    return "free"


class SlugField(models.SlugField):  # type: ignore[type-arg]  # no generic at run time
    """Makes its value when it is saved, as fields of other packages do."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        return uuid.uuid4().hex


class RepeatedCustomer(AbstractBaseUser):
    """Has fields that a new user fills once and not twice. There is no table of it."""

    username = models.CharField(max_length=40, unique=True)
    email = models.EmailField(unique=True, blank=True)
    plan = models.CharField(max_length=10, unique=True, default="free")
    offer = models.CharField(max_length=10, unique=True, default=free_plan)
    rank = models.IntegerField(unique=True, db_default=7)
    shop = models.CharField(max_length=10, default="main")
    seat = models.CharField(max_length=10, blank=True)
    row = models.CharField(max_length=10, default="a")
    place = models.CharField(max_length=10, default="b")
    alias = models.CharField(max_length=10, blank=True)
    guest = models.CharField(max_length=10, null=True)  # noqa: DJ001
    twin = models.OneToOneField("self", models.DO_NOTHING, default=1)

    good_key = models.UUIDField(unique=True, default=uuid.uuid4)
    good_null = models.CharField(max_length=10, unique=True, null=True)  # noqa: DJ001
    good_card = models.OneToOneField("self", models.CASCADE, null=True, related_name="+")
    good_slug = SlugField(unique=True, blank=True)
    good_day = models.DateTimeField(unique=True, auto_now_add=True)
    good_if = models.CharField(max_length=10, blank=True)

    USERNAME_FIELD = "username"

    class Meta:
        managed = False
        unique_together = [("shop", "seat"), ("shop", "username")]
        constraints = [
            models.UniqueConstraint(fields=["row", "place"], name="row_place"),
            models.UniqueConstraint(Lower("alias"), name="lower_alias"),
            models.UniqueConstraint(fields=["guest"], name="one_guest", nulls_distinct=False),
            models.UniqueConstraint(
                fields=["good_if"], name="if_given", condition=~models.Q(good_if="")
            ),
        ]


class UnfilledCustomer(AbstractBaseUser):
    """Has fields that may be blank in a form, and that no database takes empty."""

    username = models.CharField(max_length=40, unique=True)
    born = models.DateField(blank=True)
    visits = models.IntegerField(blank=True)
    shop = models.ForeignKey("self", models.CASCADE, blank=True)
    joined = models.DateField(blank=True, auto_now_add=True)
    note = models.TextField(blank=True)

    USERNAME_FIELD = "username"

    class Meta:
        managed = False
