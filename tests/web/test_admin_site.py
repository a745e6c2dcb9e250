"""The Django admin by SMS: what opens it, and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import include, path, set_script_prefix
from django.utils import timezone
from knox.views import LoginView as KnoxLoginView
from rest_framework.authentication import SessionAuthentication
from rest_framework_simplejwt.tokens import AccessToken

from django_sms_otp import services
from django_sms_otp.exceptions import InvalidSettings
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.testing import outbox, override_sms_otp
from django_sms_otp.web.admin_site import SMSAdminSite
from tests.api.test_api import NOW
from tests.conftest import last_code, wrong
from tests.services.test_numbers import NEW, OLD, id_of, user_with

from .browser import Browser
from .test_safety import FOREIGN

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

LOGIN, LOGOUT, INDEX = "/admin/login/", "/admin/logout/", "/admin/"
ASK, CODE, ADD = "/login/step-up/", "/login/step-up/code/", "/login/numbers/add/"
COLLEAGUE = "Ask an administrator of this site"


class OfSupport(SMSAdminSite):
    """Support staff may come in by SMS alone."""

    sms_verified_within = timedelta(hours=1)

    def may_enter_by_sms(self, request: HttpRequest) -> bool:
        return not request.user.is_superuser


def site_of(kind: type[SMSAdminSite], name: str) -> SMSAdminSite:
    site = kind(name=name)
    # Django checks every site that it knows, in the tests of other modules too.
    all_sites.discard(site)
    site.register(User, UserAdmin)
    site.register(Group, GroupAdmin)
    return site


SITE = site_of(SMSAdminSite, "admin")

urlpatterns = [
    path("admin/", SITE.urls),
    path("support/", site_of(OfSupport, "support").urls),
    path("plain/", admin.AdminSite(name="plain").urls),
    path("login/", include("django_sms_otp.web.urls")),
    path("auth/sms/", include("django_sms_otp.urls")),
    path("knox/", KnoxLoginView.as_view(authentication_classes=[SessionAuthentication])),
]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    guarded = override_sms_otp(GUARD_STAFF_NUMBERS=True, COOLDOWN=[])
    with time_machine.travel(NOW, tick=False) as traveller, guarded:
        yield traveller


def employee(*numbers: str, **rights: bool) -> User:
    user = user_with(*numbers, password="secret")
    for name, value in {"is_staff": True, "is_superuser": True, **rights}.items():
        setattr(user, name, value)
    user.save()
    return user


def enter(user: User, way: str = INDEX, login: str = LOGIN) -> Browser:
    """Log in by the password, and go where it leads."""
    browser = Browser(accept="text/html")
    answer = browser.client.get(f"{login}?next={way}")
    form = {"username": user.username, "password": "secret", "next": way}
    token = answer.cookies["csrftoken"].value
    answer = browser.client.post(login, {**form, "csrfmiddlewaretoken": token})
    return follow(browser, answer["Location"])


def follow(browser: Browser, address: str) -> Browser:
    """Open a page, and go where it leads: three redirects at most."""
    for _ in range(4):
        browser.answer = browser.client.get(address)
        if browser.answer.status_code != 302:
            break
        address = browser.answer["Location"]
    assert browser.answer.status_code == 200, address
    if address.startswith("/login/"):
        browser.open(address)
    return browser


def confirm(browser: Browser, **form: str) -> Any:
    browser.submit(**form)
    browser.submit(CODE, code=last_code())
    return browser.answer


def by_sms(number: str = OLD) -> Browser:
    """Log in by SMS, on the pages."""
    browser = Browser(accept="text/html")
    browser.ask(number)
    browser.enter(last_code())
    assert browser.is_logged_in
    return browser


def is_open(browser: Browser, address: str = INDEX) -> bool:
    return bool(browser.client.get(address).status_code == 200)


# After the password ---------------------------------------------------------------------------


def test_a_code_after_the_password_opens_the_admin() -> None:
    way = "/admin/auth/user/add/?_popup=1"
    browser = enter(employee(OLD), way)
    assert browser.address.startswith(f"{ASK}?next=/admin/auth/user/add/%3F_popup%3D1")
    assert not outbox
    answer = confirm(browser)
    assert outbox[-1].to == OLD
    assert answer["Location"] == way
    assert is_open(browser, way)
    assert follow(browser, LOGIN).address == INDEX


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jsi18n/",
        "autocomplete/?app_label=auth&model_name=group&field_name=user&term=a",
        "password_change/",
        "auth/user/",
        "auth/group/add/?_popup=1",
        "r/1/1/",
        "nowhere/",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_opens_before_the_code(address: str, method: str) -> None:
    client = Client(headers={"x-requested-with": "XMLHttpRequest"})
    client.login(username=employee(OLD).username, password="secret")
    answer = getattr(client, method)(f"/admin/{address}")
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, LOGIN)
    assert client.get(answer["Location"])["Location"].startswith(f"{ASK}?next=/admin/")
    assert not outbox


def test_a_wrong_code_opens_nothing() -> None:
    browser = enter(employee(OLD))
    browser.submit()
    browser.submit(CODE, code=wrong(last_code()))
    assert not is_open(browser)


def test_a_code_grows_old(clock: time_machine.Traveller) -> None:
    browser = enter(employee(OLD))
    confirm(browser)
    clock.shift(timedelta(hours=12))
    assert is_open(browser)
    assert not is_open(browser, "/support/")
    clock.shift(1)
    assert not is_open(browser)
    confirm(follow(browser, INDEX))
    assert is_open(browser)


def test_who_waits_for_a_code_may_leave() -> None:
    browser = enter(employee(OLD))
    assert LOGOUT in browser.page.forms
    browser.client.post(LOGOUT, browser.page.forms[LOGOUT])
    assert not browser.is_logged_in


@pytest.mark.parametrize("prefix", ["", "/app"])
def test_who_waits_for_a_code_may_leave_wherever_the_admin_is(prefix: str) -> None:
    """A server may have put a prefix before its address, and a site a language."""
    client = Client(headers={"accept": "text/html", "accept-language": "de"})
    client.force_login(employee(OLD))
    in_english = i18n_patterns(path("admin/", SITE.urls))
    urls = (*in_english, path("login/", include("django_sms_otp.web.urls")))
    set_script_prefix(f"{prefix}/")
    try:
        with override_settings(ROOT_URLCONF=urls):
            way = client.get("/en/admin/login/", SCRIPT_NAME=prefix)["Location"]
            page = client.get(way.removeprefix(prefix), SCRIPT_NAME=prefix)
    finally:
        set_script_prefix("/")
    assert way == f"{prefix}{ASK}?next={prefix}/en/admin/"
    assert f'action="{prefix}/en/admin/logout/"' in page.content.decode()


def test_only_who_waits_before_an_admin_is_offered_to_leave() -> None:
    browser = enter(employee(OLD))
    assert LOGOUT in browser.page.forms
    confirm(browser)
    assert LOGOUT not in browser.open(ASK).forms
    other = Browser(accept="text/html")
    other.client.force_login(employee(NEW))
    assert LOGOUT not in other.open(f"{ASK}?next={INDEX}").forms


def test_the_session_has_another_key_after_each_step() -> None:
    user, keys = employee(OLD), set()
    with override_sms_otp(ALLOW_STAFF=True):
        browser = by_sms()
    keys.add(browser.client.session.session_key)
    form = {"username": user.username, "password": "secret"}
    token = browser.client.cookies["csrftoken"].value
    browser.client.post(LOGIN, {**form, "csrfmiddlewaretoken": token})
    keys.add(browser.client.session.session_key)
    confirm(follow(browser, ASK))
    keys.add(browser.client.session.session_key)
    assert len(keys) == 3


@pytest.mark.parametrize("way", [*FOREIGN, LOGIN, f"{LOGIN}?next={LOGIN}"])
def test_next_leads_to_no_other_site_and_to_no_loop(way: str) -> None:
    browser = Browser(accept="text/html")
    browser.client.force_login(employee(OLD))
    browser.answer = browser.client.get(LOGIN, {"next": way})
    browser.open(browser.answer["Location"])
    follow(browser, confirm(browser)["Location"])
    assert browser.address == INDEX


@override_settings(LOGIN_URL=LOGIN)
def test_the_page_of_the_code_may_send_to_the_admins_login() -> None:
    user = employee(OLD)
    way = Client().get(f"{ASK}?next={INDEX}")["Location"].partition("next=")[2]
    browser = Browser(accept="text/html")
    browser.client.force_login(user)
    browser.open(browser.client.get(f"{LOGIN}?next={way}")["Location"])
    assert browser.address == f"{ASK}?next=%2Fadmin%2F"
    assert confirm(browser)["Location"] == INDEX


@override_settings(
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    LOGIN_URL="/login/",
)
def test_a_site_that_asks_everybody_to_log_in() -> None:
    assert confirm(enter(employee(OLD)))["Location"] == INDEX
    assert Client().get("/login/").status_code == 200


# What is not enough ---------------------------------------------------------------------------


@override_sms_otp(ALLOW_STAFF=True)
def test_an_sms_alone_opens_nothing_and_the_password_is_asked_for() -> None:
    user = employee(OLD)
    browser = by_sms()
    page = follow(browser, INDEX).answer.content.decode()
    assert browser.address.startswith(LOGIN)
    assert "You have logged in by SMS." in page
    assert "You are authenticated as" not in page
    form = {"username": user.username, "password": "secret", "next": INDEX}
    token = browser.client.cookies["csrftoken"].value
    browser.client.post(LOGIN, {**form, "csrfmiddlewaretoken": token})
    # The code of the login is fresh still.
    assert is_open(browser)


class LastActivity:
    """A middleware that writes to each session, as many sites have."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        request.session["last_activity"] = timezone.now().timestamp()
        return self.get_response(request)


ACTIVITY = override_settings(
    MIDDLEWARE=[*django_settings.MIDDLEWARE, f"{__name__}.LastActivity"]
)


def tokens_by_sms(client: Client) -> Any:
    number = {"phone_number": OLD}
    client.post("/auth/sms/get-code/", number)
    return client.post("/auth/sms/auth-code/", {**number, "code": last_code()})


def tokens_of_knox(client: Client) -> Any:
    return client.post("/knox/")


@ACTIVITY
@override_sms_otp(ALLOW_STAFF=True)
@pytest.mark.parametrize("get_tokens", [tokens_by_sms, tokens_of_knox])
def test_tokens_are_no_password(get_tokens: Any) -> None:
    user = employee(OLD)
    browser = by_sms()
    client = Client()
    client.cookies = browser.client.cookies
    assert get_tokens(client).status_code == 200
    assert not is_open(browser)
    form = {"username": user.username, "password": "wrong"}
    client.post(LOGIN, form)
    get_tokens(client)
    assert not is_open(browser)
    client.post(LOGIN, {**form, "password": "secret"})
    assert client.get(INDEX).status_code == 200


@ACTIVITY
@override_sms_otp(ALLOW_STAFF=True)
def test_only_the_admins_own_login_takes_a_password_of_who_has_logged_in_by_sms() -> None:
    user = employee(OLD)
    browser = by_sms()
    client = Client()
    client.cookies = browser.client.cookies
    client.post("/plain/login/", {"username": user.username, "password": "secret"})
    assert not is_open(browser)
    client.logout()
    client.post("/plain/login/", {"username": user.username, "password": "secret"})
    assert client.get(INDEX, follow=True).redirect_chain[-1][0].startswith(ASK)


def test_who_becomes_staff_after_a_login_by_sms_needs_the_password() -> None:
    user = employee(OLD, is_staff=False, is_superuser=False)
    browser = by_sms()
    User.objects.filter(pk=user.pk).update(is_staff=True)
    assert not is_open(browser)
    assert follow(browser, INDEX).address.startswith(LOGIN)


def test_a_session_that_a_view_of_the_site_made_by_our_backend_is_one_by_sms() -> None:
    browser = Browser(accept="text/html")
    ours = "django_sms_otp.auth.backends.SMSCodeBackend"
    with override_settings(AUTHENTICATION_BACKENDS=[ours]):
        browser.client.force_login(employee(OLD), backend=ours)
        confirm(follow(browser, ASK))
        assert not is_open(browser)


def test_the_proof_of_one_user_is_none_of_another_one_in_the_same_browser() -> None:
    browser = enter(employee(OLD))
    confirm(browser)
    browser.client.force_login(employee(NEW))
    assert not is_open(browser)
    assert follow(browser, INDEX).address.startswith(ASK)


@pytest.mark.parametrize("rights", [{"is_staff": False}, {"is_active": False}])
def test_who_is_no_staff_any_more_is_out(rights: dict[str, bool]) -> None:
    user = employee(OLD)
    browser = enter(user)
    confirm(browser)
    User.objects.filter(pk=user.pk).update(**rights)
    assert not is_open(browser)
    assert not is_open(browser, LOGOUT)


def test_who_loses_the_last_number_is_out() -> None:
    browser = enter(employee(OLD))
    confirm(browser)
    VerifiedPhone.objects.all().delete()
    assert not is_open(browser)


def test_a_token_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A middleware of the site may make the user of a token that of the request."""
    user, token = employee(OLD), AccessToken()
    token["auth_time"], token["amr"] = NOW.timestamp(), ["sms"]
    token["user_id"] = str(user.pk)

    def by_token(request: HttpRequest, has: Any = admin.AdminSite.has_permission) -> Any:
        request.user, request.auth = user, token  # type: ignore[attr-defined]
        return has(SITE, request)

    monkeypatch.setattr(admin.AdminSite, "has_permission", lambda _, request: by_token(request))
    assert Client().get(INDEX).status_code == 302


@override_sms_otp(TEST_NUMBERS={OLD: {"code": "123456"}})
@pytest.mark.parametrize("address", [INDEX, "/support/"])
def test_a_test_number_never_opens_staff(address: str) -> None:
    browser = Browser(accept="text/html")
    browser.ask(OLD)
    browser.enter("123456")
    assert browser.is_logged_in
    user = User.objects.get()
    user.set_password("secret")
    user.is_staff = True
    user.save()
    browser.client.force_login(user)
    follow(browser, ASK)
    # As staff they get a message with another code, but whose phone is it?
    browser.submit()
    browser.submit(CODE, code="123456")
    assert not is_open(browser, address)
    browser.submit(CODE, code=last_code())
    assert not is_open(browser, address)


# The first number -----------------------------------------------------------------------------


def add(browser: Browser, number: str = NEW) -> None:
    browser.open(ADD)
    if browser.address.startswith(ADD):
        browser.submit(phone_number=number)
        browser.submit("/login/numbers/code/", code=last_code())


def test_a_password_alone_reads_no_number() -> None:
    browser = enter(employee(OLD, NEW))
    page = browser.open("/login/numbers/")
    assert "+1********31" in page.text
    assert "+1********32" in page.text
    assert "555-013" not in page.text
    confirm(follow(browser, INDEX))
    assert "555-0131" in browser.open("/login/numbers/").text


def test_the_last_number_of_staff_stays() -> None:
    """Without it they are out, and can add no other one."""
    user = employee(OLD)
    browser = enter(user)
    confirm(browser)
    browser.open(f"/login/numbers/{id_of(user, OLD)}/remove/")
    browser.submit()
    assert browser.answer.status_code == 409
    assert is_open(browser)
    address = f"/auth/sms/numbers/{id_of(user, OLD)}/"
    client = Client()
    client.cookies = browser.client.cookies
    for query in ("", "?force=true"):
        assert client.delete(address + query).json()["code"] == "last_way_in"
    assert is_open(browser)


def test_a_password_alone_adds_no_number() -> None:
    user = employee()
    browser = enter(user)
    assert COLLEAGUE in browser.page.text
    assert LOGOUT in browser.page.forms
    assert ADD not in browser.page.html
    add(browser)
    answer = browser.client.post("/auth/sms/numbers/", {"phone_number": NEW})
    assert answer.status_code == 403
    assert not services.numbers_of(user)
    assert not outbox


@pytest.mark.parametrize("within", [None, timedelta(minutes=10)])
def test_who_has_a_number_needs_a_code_to_it_to_change_anything(
    within: timedelta | None,
) -> None:
    user = employee(OLD)
    browser = enter(user)
    with override_sms_otp(NUMBERS_NEED_PROOF_WITHIN=within):
        for page in (ADD, f"/login/numbers/{id_of(user, OLD)}/remove/"):
            browser.open(page)
            assert browser.address.startswith(ASK)
        confirm(browser)
        add(browser)
    assert len(services.numbers_of(user)) == 2


def test_a_site_may_let_staff_add_their_first_number(
    monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    monkeypatch.setattr(SITE, "lets_add_first_number", True)
    user = employee()
    old = enter(user)
    clock.shift(timedelta(minutes=11))
    # The login is too old for it, and that of another session allows nothing.
    assert "Log out, and log in again." in old.open(ASK).text
    aside = Browser(accept="text/html")
    aside.client.force_login(user)
    assert COLLEAGUE in aside.open(ASK).text
    monkeypatch.setattr(SITE, "lets_add_first_number", False)
    old.client.logout()
    old.client.force_login(user)
    assert COLLEAGUE in old.open(ASK).text
    monkeypatch.setattr(SITE, "lets_add_first_number", True)
    browser = enter(user)
    assert f"{ADD}?next=%2Fadmin%2F" in [each["href"] for each in browser.page.all("a")]
    add(browser)
    assert [each.phone_number.e164 for each in services.numbers_of(user)] == [NEW]
    assert not is_open(browser)
    assert confirm(follow(browser, INDEX))["Location"] == INDEX
    # The second one needs a code to the first.
    add(enter(user), OLD)
    assert len(services.numbers_of(user)) == 1


# In the place of the password -----------------------------------------------------------------


@override_sms_otp(ALLOW_STAFF=True)
def test_who_may_comes_in_by_sms_alone(clock: time_machine.Traveller) -> None:
    user = employee(OLD, is_superuser=False)
    page = Client().get("/support/login/?next=/support/auth/").content.decode()
    assert 'href="/login/?next=%2Fsupport%2Fauth%2F"' in page
    assert "by SMS" not in Client().get(LOGIN).content.decode()
    browser = by_sms()
    assert is_open(browser, "/support/")
    assert not is_open(browser)
    clock.shift(timedelta(hours=2))
    assert follow(browser, "/support/").address.startswith(ASK)
    confirm(browser)
    assert is_open(browser, "/support/")
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    assert not is_open(browser, "/support/")
    assert follow(browser, "/support/").address.startswith("/support/login/")


# What a site can get wrong --------------------------------------------------------------------


def problems() -> list[str]:
    return [str(found.msg) for found in SITE.check(None) if found.id == "sms_otp.E025"]


def test_nothing_opens_while_a_password_could_add_a_number() -> None:
    browser = enter(employee(OLD))
    confirm(browser)
    assert problems() == []
    with override_sms_otp(GUARD_STAFF_NUMBERS=False):
        assert "GUARD_STAFF_NUMBERS" in problems()[0]
        with pytest.raises(InvalidSettings, match="GUARD_STAFF_NUMBERS"):
            is_open(browser)


def test_a_site_without_our_pages_names_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    client.force_login(employee(OLD))
    with override_settings(ROOT_URLCONF=(path("admin/", SITE.urls),)):
        assert "step_up_url" in problems()[0]
        with pytest.raises(InvalidSettings, match="step_up_url"):
            client.get(LOGIN)
        monkeypatch.setattr(SITE, "step_up_url", "/own/")
        assert problems() == []
        assert client.get(LOGIN)["Location"] == "/own/?next=/admin/"
