"""The forms in a page of the site's own."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from django_sms_otp.testing import outbox
from django_sms_otp.web.views import CodeView, LoginView
from tests.conftest import PHONE, last_code, wrong
from tests.services.test_numbers import OLD, user_with

from .browser import Browser

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

BOTH = """<main><h1>Shop</h1>
{% include "django_sms_otp/web/number_form.html" %}
{% include "django_sms_otp/web/code_form.html" %}
</main>"""


def shop(request: HttpRequest, **context: Any) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(BOTH).render(context, request))


class Own:
    """A view of ours with a template of the site's own."""

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        html = engines["django"].from_string(BOTH).render(context, self.request)  # type: ignore[attr-defined]
        return HttpResponse(html, **kwargs)


class OwnLogin(Own, LoginView):
    pass


class OwnCode(Own, CodeView):
    pass


urlpatterns = [
    path("shop/", shop),
    path("basket/", shop, {"next": "/pay/"}),
    path("own/login/", OwnLogin.as_view()),
    path("own/code/", OwnCode.as_view()),
    path("login/", include("django_sms_otp.web.urls")),
]


def test_a_number_is_asked_for_where_the_person_is() -> None:
    browser = Browser(accept_language="en, de-AT;q=0.5")
    page = browser.open("/shop/")
    assert list(page.forms) == ["/login/"]
    assert page.forms["/login/"]["region"] == "AT"
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert not page.all("html")
    page = browser.submit("/login/", phone_number="12")
    assert browser.address == "/login/"
    assert page.problems.startswith("This is not a phone number.")
    browser.open("/basket/")
    browser.submit("/login/", phone_number=PHONE)
    assert outbox[-1].to == PHONE
    assert browser.page.forms["/login/code/"]["next"] == "/pay/"


def test_the_code_is_asked_for_while_it_is_waited_for() -> None:
    browser = Browser()
    browser.ask()
    page = browser.open("/basket/")
    assert list(page.forms) == ["/login/", "/login/code/", "/login/resend/"]
    assert "+1 415-555-2671" in page.text
    [link] = [each["href"] for each in page.all("a") if each["href"].startswith("/login/")]
    assert link == "/login/?next=%2Fpay%2F"
    assert {form["next"] for form in page.forms.values()} == {"/pay/"}
    browser.enter(last_code())
    assert browser.answer["Location"] == "/pay/"
    assert browser.open("/basket/").forms == {}


def test_who_is_logged_in_sees_no_form() -> None:
    browser = Browser()
    browser.client.force_login(user_with(OLD))
    assert browser.open("/shop/").forms == {}


def test_a_template_of_our_own_view_shows_its_errors() -> None:
    browser = Browser()
    browser.open("/own/login/")
    page = browser.submit(phone_number="12")
    assert page.problems.startswith("This is not a phone number.")
    assert page.field("phone_number")["value"] == "12"
    browser.ask()
    browser.open("/own/code/")
    form = {**browser.page.forms["/login/code/"], "code": wrong(last_code())}
    browser.page.forms["/own/code/"] = form
    page = browser.submit("/own/code/")
    assert page.problems.startswith("This code is not valid.")
