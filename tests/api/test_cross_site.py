"""A page of another site does not have its visitors order messages, nor logs them in."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings

from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE, body_of, last_code

pytestmark = pytest.mark.django_db(transaction=True)

ADVERT, SHOP = "https://advert.example", "https://shop.example"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def post(content_type: str, path: str = "get-code", /, **headers: str) -> Any:
    body = {FORM: f"phone_number=%2B{PHONE[1:]}&code=123456", JSON: {"phone_number": PHONE}}
    client = Client(headers={name.replace("_", "-"): value for name, value in headers.items()})
    data: Any = body[content_type]
    if content_type == JSON and path == "auth-code":
        data = {"phone_number": PHONE, "code": "123456"}
    return client.post(f"/auth/sms/{path}/", data, content_type)


@pytest.mark.parametrize("path", ["get-code", "auth-code"])
@pytest.mark.parametrize("content_type", [FORM, JSON])
@pytest.mark.parametrize("origin", [ADVERT, "null", ""])
def test_a_page_of_another_site_is_refused(path: str, content_type: str, origin: str) -> None:
    answer = post(content_type, path, sec_fetch_site="cross-site", origin=origin)
    assert (answer.status_code, body_of(answer)["code"]) == (403, "cross_site")
    assert not outbox
    assert not any(model.objects.exists() for model in (OTPCode, Limit, HourlyCount))


@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data", "text/plain"])
def test_an_old_browser_is_refused_by_the_origin_of_its_form(content_type: str) -> None:
    client = Client(headers={"origin": ADVERT})
    answer = client.post("/auth/sms/get-code/", b"phone_number=1", content_type)
    assert body_of(answer)["code"] == "cross_site"


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=UTF-8", "Application/JSON"]
)
def test_an_old_browser_was_asked_before_it_sends_json(content_type: str) -> None:
    client = Client(headers={"origin": ADVERT})
    answer = client.post("/auth/sms/get-code/", b"{}", content_type)
    assert body_of(answer)["code"] == "invalid"


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
@pytest.mark.parametrize("content_type", [FORM, JSON])
def test_the_pages_of_the_site_itself_pass(site: str, content_type: str) -> None:
    answer = post(content_type, sec_fetch_site=site, origin="https://www.testserver")
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no browser"),
        pytest.param({"origin": "https://testserver"}, id="old browser"),
    ],
)
def test_who_does_not_come_from_elsewhere_passes(headers: dict[str, str]) -> None:
    assert post(FORM, **headers).status_code == 202


def test_an_old_browser_has_asked_before_it_posts_json() -> None:
    assert post(JSON, origin=ADVERT).status_code == 202


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (SHOP, True),
        ("https://www.shop.example", False),
        ("http://shop.example", False),
        ("https://a.sub.example", True),
        ("https://sub.example", False),
        ("https://.sub.example", False),
        ("https://a.sub.example.advert.example", False),
    ],
)
def test_a_trusted_origin_passes(origin: str, passes: bool) -> None:
    with override_sms_otp(TRUSTED_ORIGINS=[SHOP, "https://*.sub.example"]):
        answer = post(FORM, sec_fetch_site="cross-site", origin=origin)
    assert (answer.status_code == 202) is passes


@pytest.mark.parametrize("setting", ["CSRF_TRUSTED_ORIGINS", "CORS_ALLOWED_ORIGINS"])
def test_the_origins_that_the_site_trusts_elsewhere_pass_unless_it_says_otherwise(
    setting: str,
) -> None:
    with override_settings(**{setting: [SHOP]}):
        with override_sms_otp(TRUSTED_ORIGINS=[]):
            assert post(JSON, sec_fetch_site="cross-site", origin=SHOP).status_code == 403
        assert post(JSON, sec_fetch_site="cross-site", origin=SHOP).status_code == 202


def test_the_log_names_the_origin(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "django_sms_otp")
    post(FORM, sec_fetch_site="cross-site", origin=f"{ADVERT}\u202e{'x' * 1000}")
    [record] = [each for each in caplog.records if "TRUSTED_ORIGINS" in each.getMessage()]
    assert ADVERT in record.getMessage()
    assert len(record.getMessage()) < 250


def test_a_stranger_is_not_logged_in_by_another_page(auth_code: Any, get_code: Any) -> None:
    get_code()
    code = last_code()
    client = Client(headers={"sec-fetch-site": "cross-site", "origin": ADVERT})
    form = {"phone_number": PHONE, "code": code}
    assert client.post("/auth/sms/auth-code/", form).status_code == 403
    assert auth_code(phone_number=PHONE, code=code).status_code == 200
