from __future__ import annotations

from typing import ClassVar

from django.db import models

from ..people import Person


class Member(Person):
    objects: ClassVar[models.Manager[Member]] = models.Manager()

    class Meta(Person.Meta):
        app_label = "members"
