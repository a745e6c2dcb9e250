"""A session knows who logged in to it, when, and when it proved a number by SMS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth import get_user, login, logout, user_logged_in
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.module_loading import import_string
from rest_framework.request import Request

from django_sms_otp.auth import sessions
from django_sms_otp.auth.logins import announce_login
from django_sms_otp.auth.session_record import KEY
from django_sms_otp.auth.sessions import (
    authenticated_at,
    expected_login,
    log_in,
    logged_in_by_sms,
    note_verified,
    verified_at,
)
from django_sms_otp.exceptions import InvalidSettings
from django_sms_otp.results import Redeemed, RedemptionRefused
from tests.conftest import Post, last_code
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db

HERE = "tests.auth.test_sessions"
OURS = "django_sms_otp.auth.backends.SMSCodeBackend"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ENGINE = "django.contrib.sessions.backends.db"
ENGINES = ["db", "cache", "signed_cookies"]


class OnlyRefuses:
    """As django-axes: it finds nobody."""

    def authenticate(self, request: object, **credentials: object) -> None:
        return None


class OnlyPermits(BaseBackend):
    """Of permissions alone."""


class ShopBackend(ModelBackend):
    pass


def user() -> User:
    return UserFactory.create()


def redeemed_by(who: User | None) -> Redeemed[None]:
    return Redeemed(request_id=uuid.uuid4(), user=who, registered=False, granted=None)


def request_of(session: SessionBase, who: User | None = None) -> HttpRequest:
    request = RequestFactory().get("/")
    request.session = session
    request.user = who or AnonymousUser()
    return request


@pytest.fixture(params=ENGINES)
def request_(request: pytest.FixtureRequest, settings: Any) -> HttpRequest:
    """Return a request with a session of the engine, of nobody."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    return request_of(import_string(f"{settings.SESSION_ENGINE}.SessionStore")())


@pytest.fixture
def heard() -> Iterator[list[User]]:
    users: list[User] = []

    def receive(user: User, **_kwargs: Any) -> None:
        users.append(user)

    user_logged_in.connect(receive)
    yield users
    user_logged_in.disconnect(receive)


def next_request(request: HttpRequest) -> HttpRequest:
    """Return a later request of the same browser."""
    request.session.save()
    key = str(request.session.session_key)
    after = request_of(type(request.session)(key))
    after.COOKIES[settings.SESSION_COOKIE_NAME] = key
    after.user = get_user(after)
    return after


def test_a_login_is_djangos_own(request_: HttpRequest, heard: list[User]) -> None:
    who = user()
    with time_machine.travel(NOW, tick=False):
        log_in(request_, redeemed_by(who))
        after = next_request(request_)
        assert after.user == who
        assert verified_at(after) == authenticated_at(after) == NOW
    assert heard == [who]
    who.refresh_from_db()
    assert who.last_login == NOW


def test_the_session_gets_a_new_key_and_keeps_what_nobody_put_there(
    request_: HttpRequest,
) -> None:
    request_.session["cart"] = [1]
    request_.session.save()
    planted = request_.session.session_key
    log_in(request_, redeemed_by(user()))
    assert request_.session.session_key != planted
    assert request_.session["cart"] == [1]


def test_a_second_login_of_the_same_user_gets_a_new_key() -> None:
    who, request = user(), request_of(import_string(f"{ENGINE}.SessionStore")())
    log_in(request, redeemed_by(who))
    before = request.session.session_key
    request.session["cart"] = [1]
    log_in(request, redeemed_by(who))
    assert request.session.session_key not in {before, None}
    assert request.session["cart"] == [1]
    assert not request.session.exists(str(before))


def test_a_view_of_rest_framework_logs_in(request_: HttpRequest) -> None:
    who = user()
    request: Any = Request(request_)
    log_in(request, redeemed_by(who))
    assert request.user == request_.user == who
    assert verified_at(request_) == verified_at(request) is not None
    assert next_request(request_).user == who


def test_another_users_session_is_emptied(request_: HttpRequest) -> None:
    log_in(request_, redeemed_by(user()))
    request_.session["secret"] = 1
    other = user()
    log_in(request_, redeemed_by(other))
    assert "secret" not in request_.session
    assert next_request(request_).user == other


@pytest.mark.parametrize(
    ("backends", "chosen"),
    [
        (["django.contrib.auth.backends.ModelBackend"], 0),
        (["django.contrib.auth.backends.ModelBackend", OURS], 1),
        ([f"{HERE}.OnlyRefuses", f"{HERE}.OnlyPermits", f"{HERE}.ShopBackend"], 2),
    ],
)
def test_later_requests_find_the_user_by_a_backend_of_the_site(
    settings: Any, backends: list[str], chosen: int
) -> None:
    settings.AUTHENTICATION_BACKENDS = backends
    request, who = request_of(import_string(f"{ENGINE}.SessionStore")()), user()
    log_in(request, redeemed_by(who))
    assert request.session["_auth_user_backend"] == backends[chosen]
    assert next_request(request).user == who


def test_a_site_whose_backends_find_nobody_is_told(settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{HERE}.OnlyRefuses", f"{HERE}.OnlyPermits"]
    request = request_of(import_string(f"{ENGINE}.SessionStore")())
    with pytest.raises(InvalidSettings, match="SMSCodeBackend"):
        log_in(request, redeemed_by(user()))


def test_what_is_no_login_is_refused_with_what_to_do(request_: HttpRequest) -> None:
    with pytest.raises(ValueError, match="purpose='login'"):
        log_in(request_, redeemed_by(None))
    refused: Any = RedemptionRefused(reason="invalid_code")
    with pytest.raises(TypeError, match=r"isinstance\(result, Redeemed\)"):
        log_in(request_, refused)
    assert not request_.session.keys()


def test_a_site_without_sessions_is_told() -> None:
    for call in (lambda r: log_in(r, redeemed_by(user())), note_verified):
        with pytest.raises(InvalidSettings, match="SessionMiddleware"):
            call(RequestFactory().get("/"))


def test_a_login_by_another_door_has_a_time_and_no_proof(request_: HttpRequest) -> None:
    who = user()
    with time_machine.travel(NOW, tick=False):
        login(request_, who)
        after = next_request(request_)
        assert authenticated_at(after) == NOW
        assert verified_at(after) is None


def test_another_session_of_the_user_moves_no_time(request_: HttpRequest) -> None:
    who = user()
    with time_machine.travel(NOW, tick=False):
        log_in(request_, redeemed_by(who))
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        log_in(request_of(type(request_.session)()), redeemed_by(who))
        assert verified_at(request_) == authenticated_at(request_) == NOW


def test_a_later_proof_and_a_later_login_move_their_own_time(request_: HttpRequest) -> None:
    who = user()
    with time_machine.travel(NOW, tick=False):
        log_in(request_, redeemed_by(who))
        key = request_.session.session_key
        note_verified(request_, NOW - timedelta(seconds=5))
        assert request_.session.session_key != key
        assert verified_at(request_) == NOW - timedelta(seconds=5)
        assert authenticated_at(request_) == NOW
    with time_machine.travel(NOW + timedelta(hours=1), tick=False) as clock:
        log_in(request_, redeemed_by(who))
        assert verified_at(request_) == authenticated_at(request_) == timezone.now()
        clock.shift(60)
        note_verified(request_)
        assert verified_at(request_) == NOW + timedelta(hours=1, minutes=1)
        assert authenticated_at(request_) == NOW + timedelta(hours=1)


# What is a login to the session, and what is none ---------------------------------------------


def signal(request: HttpRequest, who: User) -> None:
    """As whatever gives tokens."""
    user_logged_in.send(User, request=request, user=who)


@pytest.mark.parametrize("call", [signal, lambda request, who: announce_login(who, request)])
@pytest.mark.parametrize("by_sms", [True, False])
def test_who_gets_tokens_has_not_logged_in_to_the_session(
    request_: HttpRequest, call: Any, by_sms: bool
) -> None:
    who = user()
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(request_, redeemed_by(who)) if by_sms else login(request_, who)
        before = next_request(request_).session[KEY]
        clock.shift(60)
        after = next_request(request_)
        after.session["last_activity"] = 1
        call(after, who)
        assert after.session[KEY] == before
        assert logged_in_by_sms(after) is by_sms
        # A key that is new for another reason, such as a new SECRET_KEY.
        after.session.cycle_key()
        call(after, who)
        assert after.session[KEY] == before


def test_a_session_from_before_this_app_gets_no_time_by_tokens(request_: HttpRequest) -> None:
    who = user()
    login(request_, who)
    del request_.session[KEY]
    after = next_request(request_)
    after.session["last_activity"] = 1
    signal(after, who)
    assert authenticated_at(after) is None


def test_djangos_login_of_who_is_logged_in_changes_nothing(request_: HttpRequest) -> None:
    """It leaves the session as it is, so it may as well not have been called."""
    who = user()
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(request_, redeemed_by(who))
        clock.shift(60)
        after = next_request(request_)
        login(after, who)
        assert logged_in_by_sms(after)
        assert authenticated_at(after) == NOW
        logout(after)
        login(after, who)
        assert not logged_in_by_sms(after)
        assert authenticated_at(after) == NOW + timedelta(minutes=1)


def test_a_view_that_asks_for_credentials_may_expect_a_login(request_: HttpRequest) -> None:
    who = user()
    log_in(request_, redeemed_by(who))
    after = next_request(request_)
    with expected_login(after):
        pass
    signal(after, who)
    assert logged_in_by_sms(after)
    with expected_login(after):
        login(after, who)
    assert not logged_in_by_sms(after)


@pytest.mark.parametrize("anonymous", [True, False])
def test_a_login_in_the_second_of_the_last_answer_counts(
    request_: HttpRequest, anonymous: bool
) -> None:
    """In signed cookies the key is made of the values and the second."""
    with time_machine.travel(NOW, tick=False):
        request_.session["cart"] = [1]
        if not anonymous:
            login(request_, user())
        after, who = next_request(request_), user()
        login(after, who)
        assert authenticated_at(after) == NOW


def test_a_login_by_sms_is_one_whoever_hears_of_it(request_: HttpRequest) -> None:
    who = user()
    user_logged_in.disconnect(sessions.keep_login_time)
    try:
        log_in(request_, redeemed_by(who))
    finally:
        user_logged_in.connect(sessions.keep_login_time)
    assert logged_in_by_sms(request_)


def test_no_receiver_sees_a_login_by_sms_as_another(request_: HttpRequest) -> None:
    seen: list[bool] = []

    def look(request: HttpRequest, **_kwargs: Any) -> None:
        seen.append(logged_in_by_sms(request))

    user_logged_in.connect(look)
    try:
        log_in(request_, redeemed_by(user()))
    finally:
        user_logged_in.disconnect(look)
    assert seen == [True]


def test_a_proof_is_not_kept_in_the_session_of_somebody_else(request_: HttpRequest) -> None:
    """It would stand in the place of what the session holds of its own user."""
    who = user()
    log_in(request_, redeemed_by(who))
    request_.user = user()
    with pytest.raises(ValueError, match="has_login"):
        note_verified(request_)
    request_.user = who
    assert logged_in_by_sms(request_)


# What lasts -----------------------------------------------------------------------------------


def test_nothing_survives_a_change_of_the_user(request_: HttpRequest) -> None:
    who, other = user(), user()
    log_in(request_, redeemed_by(who))
    note_verified(request_)
    login(request_, other)
    assert verified_at(request_) is None
    log_in(request_, redeemed_by(who))
    logout(request_)
    assert verified_at(request_) is authenticated_at(request_) is None
    login(request_, who)
    assert verified_at(request_) is None


def test_a_cookie_of_one_user_says_nothing_of_another(request_: HttpRequest) -> None:
    """A request may carry a token of one user and a cookie of another."""
    log_in(request_, redeemed_by(user()))
    request_.user = user()
    assert verified_at(request_) is authenticated_at(request_) is None
    request_.user = AnonymousUser()
    assert verified_at(request_) is authenticated_at(request_) is None


def test_what_an_anonymous_session_holds_proves_nothing(request_: HttpRequest) -> None:
    request_.session[KEY] = {"user": "None", "verified_at": NOW.timestamp()}
    login(request_, user())
    assert verified_at(request_) is None
    anonymous = request_of(type(request_.session)())
    with pytest.raises(ValueError, match="log_in"):
        note_verified(anonymous)


def test_a_clock_that_steps_back_keeps_no_proof_fresh(request_: HttpRequest) -> None:
    with time_machine.travel(NOW, tick=False):
        log_in(request_, redeemed_by(user()))
    slightly, far = NOW - timedelta(seconds=30), NOW - timedelta(minutes=2)
    with time_machine.travel(slightly, tick=False):
        assert verified_at(request_) == authenticated_at(request_) == slightly
    with time_machine.travel(far, tick=False):
        assert verified_at(request_) is authenticated_at(request_) is None


def test_a_time_without_a_zone_is_refused(request_: HttpRequest) -> None:
    log_in(request_, redeemed_by(user()))
    with pytest.raises(ValueError, match="time zone"):
        note_verified(request_, datetime(2026, 5, 1))  # noqa: DTZ001


def test_json_holds_what_a_session_keeps(request_: HttpRequest) -> None:
    log_in(request_, redeemed_by(user()))
    kept = request_.session[KEY]
    assert json.loads(json.dumps(kept)) == kept


@pytest.mark.parametrize("request_", [None, SimpleNamespace(session=None), HttpRequest()])
def test_a_login_without_a_session_is_no_error(request_: Any) -> None:
    sessions.keep_login_time(request=request_, user=user())


def test_a_login_for_tokens_loads_no_session(
    client: Client, get_code: Post, auth_code: Post
) -> None:
    who = user()
    client.force_login(who)
    before = client.session[KEY]
    get_code()
    answer = auth_code(phone_number="+14155552671", code=last_code())
    assert answer.status_code == 200
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert not answer.wsgi_request.session.accessed
    assert client.session[KEY] == before
