"""django-axes, set up as it says, locks a client out at every door."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import sites

DOORS = [
    *(
        f"{issuer} {body}"
        for issuer in ("SimpleJWTIssuer", "CookieJWTIssuer", "SessionIssuer")
        for body in ("application/json", "form")
    ),
    "authenticate",
]

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.fixture(scope="module")
def attacked() -> dict[str, Any]:
    """Return what each door answered to wrong codes, and then to the right one."""
    return sites.visit("with_axes", "axes_script")


def test_these_are_all_doors(attacked: dict[str, Any]) -> None:
    assert sorted(attacked) == sorted([*DOORS, "its middleware"])


def test_its_middleware_answers_if_the_site_has_it(attacked: dict[str, Any]) -> None:
    refused, its_own = [401, "invalid_code"], [429, "of django-axes"]
    found = attacked["its middleware"]
    assert found["wrong"] == [refused, refused, its_own]
    assert found["locked out"] == its_own
    assert found["elsewhere"] == [200, None]


@pytest.mark.parametrize("door", DOORS)
def test_the_right_code_is_of_no_use_to_who_is_locked_out(
    attacked: dict[str, Any], door: str
) -> None:
    by_api = door != "authenticate"
    found = attacked[door]
    assert found["wrong"] == [[401, "invalid_code"] if by_api else False] * 3
    assert found["locked out"] == ([429, "too_many_attempts"] if by_api else False)
    assert found["elsewhere"] == ([200, None] if by_api else True)


@pytest.mark.parametrize("door", DOORS)
def test_each_refusal_is_told_once(attacked: dict[str, Any], door: str) -> None:
    assert attacked[door]["failures"] == [4]
    # The fourth guess was not looked at.
    assert attacked[door]["guesses counted"] == 3


@pytest.mark.parametrize("door", DOORS)
def test_a_login_is_told_once(attacked: dict[str, Any], door: str) -> None:
    """``authenticate()`` alone logs nobody in."""
    assert attacked[door]["logins"] == (door != "authenticate")


@pytest.mark.parametrize("door", DOORS)
def test_it_stores_no_code_and_no_number(attacked: dict[str, Any], door: str) -> None:
    assert attacked[door]["shown"] == []
