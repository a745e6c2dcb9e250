"""What a paste brings along is forgiven in both fields, in JSON and in forms."""

from __future__ import annotations

import pytest
from django.test import Client

from ..conftest import PHONE, last_code

ISOLATED = "\u2068{}\u2069"


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["+1 415-555-2671", "tel:+1(415)\u00a0555\u20112671"])
@pytest.mark.parametrize("content_type", ["application/json", None])
def test_a_pasted_number_and_a_pasted_code_log_in(
    client: Client, number: str, content_type: str | None
) -> None:
    how = {"content_type": content_type} if content_type else {}
    body = {"phone_number": ISOLATED.format(number)}
    assert client.post("/auth/sms/get-code/", body, **how).status_code == 202  # type: ignore[arg-type]
    body["code"] = ISOLATED.format(f"{last_code()}\u00ad")
    assert client.post("/auth/sms/auth-code/", body, **how).status_code == 200  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_plus_that_a_form_made_a_space_is_read_behind_a_mark(client: Client) -> None:
    body = f"phone_number=%E2%81%A8{PHONE}%E2%81%A9"
    form = "application/x-www-form-urlencoded"
    answer = client.post("/auth/sms/get-code/", body, content_type=form)
    assert answer.status_code == 202
