from __future__ import annotations

from typing import ClassVar

from django.db import models

from ..people import Person


class Customer(Person):
    objects: ClassVar[models.Manager[Customer]] = models.Manager()

    class Meta(Person.Meta):
        app_label = "passwordless"
