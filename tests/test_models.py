"""What the columns hold, beyond what Django's own fields do."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from django_sms_otp.models import OTPCode, new_request_id

from .support.factories import OTPCodeFactory

MARIADB: Any = SimpleNamespace(vendor="mysql")


def test_request_ids_are_random_in_every_bit() -> None:
    ones = zeros = 0
    for _ in range(200):
        number = new_request_id().int
        ones |= number
        zeros |= ~number
    assert ones & zeros & ((1 << 128) - 1) == (1 << 128) - 1


def test_on_mariadb_a_request_id_is_text() -> None:
    field = OTPCode._meta.get_field("id")
    request_id = uuid.UUID("d08575c1-294f-fe1b-299e-2a9d6da3b5ea")  # no RFC 9562 version
    assert field.db_type(MARIADB) == "char(32)"
    assert field.get_db_prep_value(request_id, MARIADB) == request_id.hex
    assert field.get_db_prep_value(str(request_id), MARIADB) == request_id.hex


@pytest.mark.django_db
def test_any_128_bits_are_found_again() -> None:
    for text in ("d08575c1-294f-fe1b-299e-2a9d6da3b5ea", "f" * 32, "0" * 32):
        request_id = uuid.UUID(text)
        OTPCodeFactory.create(id=request_id)
        assert OTPCode.objects.get(pk=request_id).pk == request_id
        assert OTPCode.objects.filter(pk__in=[text]).count() == 1
