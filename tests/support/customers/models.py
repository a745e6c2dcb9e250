"""User models of sites that are not like the stock one."""

from __future__ import annotations

import uuid

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models


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
