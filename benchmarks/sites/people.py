"""A user with a phone number and nothing else, for sites whose user model must have one."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models.functions import Upper

__all__ = ["Person"]


class Person(AbstractBaseUser):
    mobile = models.CharField(max_length=17, unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "mobile"

    class Meta:
        abstract = True
        # drfpasswordless looks a number up without regard to its case.
        indexes = [models.Index(Upper("mobile"), name="%(app_label)s_mobile")]

    def __str__(self) -> str:
        return self.mobile
