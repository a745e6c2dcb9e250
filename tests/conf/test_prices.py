"""What a message costs, by backend and country."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_sms_otp.conf import get_settings, price_of
from django_sms_otp.exceptions import InvalidSettings
from django_sms_otp.testing import override_sms_otp

PRICES = {"default": {"US": "0.0083", "*": Decimal("0.05")}, "spare": {"GB": 1}}


@pytest.mark.parametrize(
    ("alias", "region", "price"),
    [
        ("default", "US", Decimal("0.0083")),
        ("default", "DE", Decimal("0.05")),
        ("spare", "GB", Decimal(1)),
        ("spare", "DE", None),
        ("other", "US", None),
    ],
)
def test_a_price_is_found(alias: str, region: str, price: Decimal | None) -> None:
    with override_sms_otp(PRICES=PRICES):
        assert price_of(get_settings().PRICES, alias, region) == price


@pytest.mark.parametrize(
    ("prices", "advice"),
    [
        ([], " must be a dict by alias"),
        ({"default": "0.01"}, "['default'] must be a dict by region"),
        ({"default": {}}, "['default'] must be a dict by region"),
        ({"default": {"UK": "1"}}, "['default'] has no region 'UK'. Did you mean 'GB'?"),
        ({"default": {"us": "1"}}, "['default'] has no region 'us'. Did you mean 'US'?"),
        ({"default": {1: "1"}}, "['default'] has no region 1."),
        ({"default": {"US": 0.01}}, "['default']['US'] must be a price as a text or a Decimal"),
        ({"default": {"US": "1,5"}}, "['default']['US'] must be a price"),
        ({"default": {"US": "-1"}}, "['default']['US'] must be a price"),
        ({"default": {"*": "NaN"}}, "['default']['*'] must be a price"),
        ({"default": {"*": None}}, "['default']['*'] must be a price"),
        ({"default": {"*": True}}, "['default']['*'] must be a price"),
    ],
)
def test_a_bad_price_is_refused_with_what_to_write(prices: Any, advice: str) -> None:
    with override_sms_otp(PRICES=prices), pytest.raises(InvalidSettings) as caught:
        get_settings()
    assert str(caught.value).startswith(f"SMS_OTP['PRICES']{advice}")


@pytest.mark.parametrize("currency", ["usd", "US$", "EURO", "", None, 978])
def test_a_bad_currency_is_refused(currency: Any) -> None:
    with override_sms_otp(CURRENCY=currency), pytest.raises(InvalidSettings) as caught:
        get_settings()
    assert "['CURRENCY'] must be the three letters" in str(caught.value)
