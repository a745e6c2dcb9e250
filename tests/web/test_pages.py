"""The HTML, the style sheet and the script: what a browser and a screen reader get."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import time_machine
from django.template.loader import render_to_string
from django.test import override_settings
from django.utils import translation

import django_sms_otp
from django_sms_otp.phone import SATELLITE_REGION, SUPPORTED_REGIONS
from django_sms_otp.phone.countries import NAMES
from django_sms_otp.testing import override_sms_otp
from django_sms_otp.web.countries import countries
from tests.conftest import last_code, wrong
from tests.services.test_numbers import NEW, OLD, THIRD, id_of, user_with

from .browser import Browser, Page
from .test_step_up import browser_of

pytestmark = pytest.mark.django_db

PACKAGE = Path(django_sms_otp.__file__).parent
ROOT = Path(__file__).parents[2]
STATIC = PACKAGE / "static/django_sms_otp/web"
REMEMBER = "on"


def states() -> dict[str, Page]:
    """Return each page in each of its states."""
    browser = Browser()
    found = {"login": browser.open(), "refused number": browser.ask("12")}
    found["code"] = browser.ask()
    found["wrong code"] = browser.enter(wrong(last_code()))
    found["too early"] = browser.resend()
    return {**found, **account_states()}


def account_states() -> dict[str, Page]:
    user = user_with(OLD, NEW)
    browser, found = browser_of(user), {}
    found["step-up"] = browser.open("/login/step-up/")
    found["step-up code"] = browser.submit(number=id_of(user, NEW))
    found["wrong step-up code"] = browser.enter(wrong(last_code()), "/login/step-up/code/")
    found["numbers"] = browser.open("/login/numbers/")
    found["removal"] = browser.open(f"/login/numbers/{id_of(user, NEW)}/remove/")
    found["removed"] = browser.submit()
    browser.open(f"/login/numbers/{id_of(user, OLD)}/remove/")
    found["last way in"] = browser.submit()
    found["number to add"] = browser.open("/login/numbers/add/")
    found["code to add"] = browser.submit(phone_number=THIRD)
    user = user_with()
    found["no number"] = browser_of(user).open("/login/numbers/")
    found["no number to step up"] = browser_of(user).open("/login/step-up/")
    return found


def test_every_field_has_its_label_and_every_id_is_one() -> None:
    for state, page in states().items():
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids)), state
        labels = {each["for"] for each in page.all("label")}
        for tag in ("input", "select"):
            for field in page.all(tag):
                assert field.get("type") == "hidden" or field["id"] in labels, state
        for _, attrs in page.tags:
            assert set(attrs.get("aria-describedby", "").split()) <= set(ids), state
            if attrs.get("href", "").startswith("#"):
                assert attrs["href"][1:] in ids
        assert sum("autofocus" in attrs for _, attrs in page.tags) <= 1, state
        [html] = page.all("html")
        assert (html["lang"], html["dir"]) == ("en", "ltr")
        assert len(page.all("h1")) == len(page.all("title")) == len(page.all("main")) == 1


def test_a_strict_policy_holds() -> None:
    """``default-src 'self'`` takes no script and no style in a page, nor from elsewhere."""
    for page in states().values():
        assert not page.all("style")
        for tag, attrs in page.tags:
            assert "style" not in attrs
            assert not [name for name in attrs if name.startswith("on")]
            if tag in {"script", "link", "img"}:
                assert (attrs.get("src") or attrs["href"]).startswith("/static/")
        assert re.findall(r"<script[^>]*>(.*?)</script>", page.html, re.DOTALL) == [""]
    style = (STATIC / "login.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


class LazyNonce:
    """As Django 6's: it is false until somebody has used it."""

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "used"


def test_a_nonce_that_nobody_has_used_yet_is_put_in() -> None:
    context = {"csp_nonce": LazyNonce()}
    page = Page(render_to_string("django_sms_otp/web/base.html", context))
    assert [each["nonce"] for each in page.all("link") + page.all("script")] == ["used"] * 2
    without = Page(render_to_string("django_sms_otp/web/base.html"))
    assert not [attrs for _, attrs in without.tags if "nonce" in attrs]


def test_the_field_of_the_code_is_one_that_fills_itself() -> None:
    field = states()["code"].field("code")
    assert (field["autocomplete"], field["inputmode"]) == ("one-time-code", "numeric")
    assert field["type"] == "text"
    assert not {"maxlength", "pattern", "value"} & set(field)


def test_they_are_small() -> None:
    script, style = (STATIC / "login.js").stat(), (STATIC / "login.css").stat()
    assert script.st_size <= 5_000
    assert style.st_size <= 8_000
    page = len(Browser().open().html.encode())
    assert page + script.st_size + style.st_size < 50_000


def test_the_style_has_no_side() -> None:
    """Left and right are wrong in a language that runs from right to left."""
    style = (STATIC / "login.css").read_text(encoding="utf-8")
    assert not re.search(r"\b(left|right)\b|[^-]\b(width|height):", style)
    for query in ("prefers-color-scheme: dark", "forced-colors", "prefers-reduced-motion"):
        assert query in style


@override_settings(LANGUAGE_CODE="ar")
def test_a_language_from_right_to_left() -> None:
    page = Browser(accept_language="ar").open()
    [html] = page.all("html")
    assert (html["lang"], html["dir"]) == ("ar", "rtl")
    assert page.field("phone_number")["dir"] == "ltr"


def test_the_pages_speak_the_language_of_the_reader() -> None:
    page = Browser(accept_language="de").open()
    assert "Telefonnummer" in page.text
    assert "Deutschland (\u2066+49\u2069) \U0001f1e9\U0001f1ea" in page.text


# Countries -----------------------------------------------------------------------------------


def test_each_language_names_each_region() -> None:
    assert len(list(NAMES.glob("*.json"))) == 22
    for path in NAMES.glob("*.json"):
        with translation.override(path.stem):
            found = dict(countries())
        assert set(found) == SUPPORTED_REGIONS - {SATELLITE_REGION}
        assert all(text[0].strip() for text in found.values())


def test_the_names_are_sorted_as_people_read_them() -> None:
    with translation.override("de"):
        names = [text for _, text in countries()]
    assert names.index(next(each for each in names if each.startswith("Österreich"))) < (
        names.index(next(each for each in names if each.startswith("Portugal")))
    )


def test_a_language_without_names_reads_english() -> None:
    with translation.override("eo"):
        assert dict(countries())["DE"].startswith("Germany")


@override_sms_otp(ALLOWED_REGIONS=["DE", "AT"])
def test_only_countries_that_get_messages_are_offered() -> None:
    page = Browser().open()
    assert [each["value"] for each in page.all("option")] == ["", "AT", "DE"]


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("de-AT,de;q=0.9", "AT"),
        ("en, de-CH;q=0.8", "CH"),
        ("zh-Hant-TW", "TW"),
        ("ar", None),
        ("", None),
        ("de-XX", None),
        ("-" * 5000, None),
    ],
)
def test_the_browser_names_the_country(header: str, wanted: str | None) -> None:
    chosen = Browser(accept_language=header).open().forms[""].get("region")
    assert chosen == wanted


@override_sms_otp(DEFAULT_REGION="FR")
def test_the_country_of_the_site_is_first() -> None:
    assert Browser(accept_language="en-US").open().forms[""]["region"] == "FR"


# The site's own ------------------------------------------------------------------------------


def test_the_documentation_lists_the_blocks() -> None:
    text = (ROOT / "docs/pages.md").read_text(encoding="utf-8").partition("## Your own look")[2]
    listed = re.findall(r"`(\w+)`", text.partition("## ")[0])
    for path in (PACKAGE / "templates/django_sms_otp/web").glob("*.html"):
        html = path.read_text(encoding="utf-8")
        for block in re.findall(r"{% block (\w+) %}", html):
            assert block in listed, path.name


# Remembered ----------------------------------------------------------------------------------


def log_in(browser: Browser, **typed: str) -> None:
    browser.ask(**typed)
    browser.enter(last_code())
    assert browser.is_logged_in
    browser.client.cookies.pop("sessionid")


def test_a_number_is_remembered_only_if_asked() -> None:
    browser = Browser()
    assert "checked" not in browser.open().field("remember")
    log_in(browser)
    assert "sms_otp_number" not in browser.client.cookies
    assert browser.open().field("phone_number")["value"] == ""


def test_a_remembered_number_waits_for_its_owner() -> None:
    browser = Browser()
    log_in(browser, remember=REMEMBER)
    cookie = browser.client.cookies["sms_otp_number"]
    assert cookie["httponly"]
    assert (cookie["path"], cookie["samesite"]) == ("/", "Lax")
    page = browser.open()
    assert page.field("phone_number")["value"] == "+1 415-555-2671"
    assert page.forms[""]["region"] == "US"
    assert "checked" in page.field("remember")


def test_it_is_forgotten_when_the_box_is_cleared() -> None:
    browser = Browser()
    log_in(browser, remember=REMEMBER)
    browser.open()
    del browser.page.forms[""]["remember"]
    browser.submit(phone_number="+14155552672")
    assert browser.client.cookies["sms_otp_number"].value == ""


@pytest.mark.parametrize("is_waiting", [True, False])
def test_the_box_may_be_changed_while_the_code_is_on_its_way(is_waiting: bool) -> None:
    with time_machine.travel("2026-05-01T12:00Z", tick=False) as clock:
        for first, second, is_kept in (("on", "", False), ("", "on", True)):
            browser = Browser()
            typed = {"phone_number": "+14155552671"}
            for box in (first, second):
                browser.open()
                browser.page.forms[""].pop("remember", None)
                browser.submit(**typed, **({"remember": box} if box else {}))
                assert browser.address == "/login/code/"
                clock.shift(0 if is_waiting else 31)
            browser.enter(last_code())
            assert browser.is_logged_in
            assert ("sms_otp_number" in browser.client.cookies) is is_kept
            clock.shift(3600)


@override_settings(SESSION_COOKIE_PATH="/shop/", SESSION_COOKIE_DOMAIN="shop.example")
def test_a_remembered_number_goes_where_the_session_goes() -> None:
    browser = Browser()
    log_in(browser, remember=REMEMBER)
    cookie = browser.client.cookies["sms_otp_number"]
    assert (cookie["path"], cookie["domain"]) == ("/shop/", "shop.example")
    browser.open()
    del browser.page.forms[""]["remember"]
    browser.submit(phone_number="+14155552672")
    cookie = browser.client.cookies["sms_otp_number"]
    assert (cookie.value, cookie["path"], cookie["domain"]) == ("", "/shop/", "shop.example")


def test_nobody_else_puts_in_a_number() -> None:
    browser = Browser()
    browser.client.cookies["sms_otp_number"] = "+14155552672"
    assert browser.open().field("phone_number")["value"] == ""
