"""``step-up/``: a code to one's own number, and a proof where the login is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.tokens import AccessToken

from django_sms_otp import services, testing
from django_sms_otp.api import authenticated
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.purposes import LOGIN, STEP_UP, VERIFY_PHONE
from django_sms_otp.results import CodeRequested, RedemptionRefused, StepUpRequested
from django_sms_otp.services import step_up
from django_sms_otp.testing import override_sms_otp

from ..conftest import body_of, last_code, wrong
from ..services.test_linking import customer
from ..services.test_numbers import NEW, OLD, THIRD, id_of, user_with

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.support.sites.guarded"),
]

URL = "/auth/sms/step-up/"
GUARDED = "/permitted/"

JWT = ["rest_framework_simplejwt.authentication.JWTAuthentication"]


@pytest.fixture(autouse=True)
def no_cooldown() -> Iterator[None]:
    with override_sms_otp(COOLDOWN=[]):
        yield


def logged_in(user: Any, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


@contextmanager
def authenticated_by(settings: Any, *classes: str) -> Iterator[None]:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [*classes]}
    yield


def with_token(token: object, scheme: str = "Bearer") -> Client:
    return Client(headers={"Authorization": f"{scheme} {token}"})


def old_token(user: User) -> AccessToken:
    """Return a token of a login by SMS of an hour ago."""
    token = AccessToken.for_user(user)
    token["amr"] = ["sms", "otp"]
    token["auth_time"] = int(timezone.now().timestamp()) - 3600
    return token


def ask(client: Client, **body: object) -> Any:
    return client.post(f"{URL}get-code/", body, content_type="application/json")


def confirm(client: Client, code: str, **body: object) -> Any:
    return client.post(
        f"{URL}auth-code/", {"code": code, **body}, content_type="application/json"
    )


def reason_of(response: Any) -> tuple[int, str]:
    return response.status_code, body_of(response)["code"]


def test_a_session_proves_its_number() -> None:
    client = logged_in(user_with(OLD))
    assert client.get(GUARDED).status_code == 403
    asked = ask(client)
    assert asked.status_code == 202
    assert asked["Cache-Control"] == "no-store"
    assert set(body_of(asked)) == {
        "request_id",
        "expires_at",
        "resend_available_at",
        "code_length",
        "number",
        "phone_number",
    }
    key = client.session.session_key
    answer = confirm(client, last_code(), request_id=body_of(asked)["request_id"])
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    [(name, at)] = body_of(answer).items()
    assert name == "verified_at"
    assert datetime.fromisoformat(at) <= timezone.now()
    assert client.get(GUARDED).status_code == 200
    # Whoever has read the old key has nothing.
    assert not client.session.exists(str(key))


def test_the_person_reads_what_the_code_is_for_and_nothing_of_the_account() -> None:
    user = user_with(OLD)
    ask(logged_in(user))
    [message] = testing.outbox
    assert message.to == OLD
    assert message.body.startswith(f"{message.code} is your code to confirm that it is you")
    assert message.body.count(str(user.pk)) == str(message.code).count(str(user.pk))


def test_the_answer_shows_which_number_and_not_the_whole_of_it() -> None:
    user = user_with(OLD, NEW)
    asked = ask(logged_in(user))
    assert body_of(asked)["phone_number"] == "+1********31"
    assert body_of(asked)["number"] == id_of(user, OLD)
    assert OLD.encode() not in asked.content


def test_the_code_goes_to_the_number_that_was_chosen() -> None:
    user = user_with(OLD, NEW)
    client, number = logged_in(user), id_of(user, NEW)
    assert body_of(ask(client, number=number))["number"] == number
    assert [message.to for message in testing.outbox] == [NEW]
    code = last_code()
    # By default it is the primary one, which got no code.
    assert reason_of(confirm(client, code)) == (401, "invalid_code")
    assert confirm(client, code, number=number).status_code == 200


def test_the_default_is_the_primary_number() -> None:
    user = user_with(OLD, NEW)
    services.make_primary(user, id_of(user, NEW))
    testing.outbox.clear()
    for number in ({}, {"number": None}, {"number": ""}):
        assert ask(logged_in(user), **number).status_code == 202
    assert {message.to for message in testing.outbox} == {NEW}


@pytest.mark.parametrize("number", ["theirs", "0", "x" * 99, "+14155550133", "only"])
def test_somebody_elses_number_is_answered_like_one_that_does_not_exist(number: str) -> None:
    user, other = user_with(OLD), user_with(THIRD)
    number = id_of(other, THIRD) if number == "theirs" else number
    client = logged_in(user)
    ask(logged_in(other))
    code = last_code()
    testing.outbox.clear()
    for answer in (ask(client, number=number), confirm(client, code, number=number)):
        assert answer.status_code == 404
        assert answer.content == (b'{"detail":"We could not find that.","code":"not_found"}')
        assert answer["Cache-Control"] == "no-store"
    assert testing.outbox == []
    assert OTPCode.objects.get().failed_attempts == 0


def test_a_user_without_a_number_has_nothing_to_prove() -> None:
    client = logged_in(user_with())
    assert reason_of(ask(client)) == (404, "not_found")
    assert reason_of(confirm(client, "123456")) == (404, "not_found")


def test_a_site_with_a_field_has_one_number(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "customers.EmailCustomer"
    settings.AUTHENTICATION_BACKENDS = ["django_sms_otp.auth.backends.SMSCodeBackend"]
    resolver = "django_sms_otp.auth.users.UserFieldResolver"
    with override_sms_otp(USER_RESOLVER=resolver, USER_PHONE_FIELD="mobile"):
        user = customer("ada", OLD)
        for chosen in ({}, {"number": "only"}):
            asked = services.request_step_up(user, *chosen.values())
            assert isinstance(asked, StepUpRequested)
            assert asked.number.id == "only"
            granted = services.confirm_step_up(user, last_code(), grant=lambda who: who)
            assert not isinstance(granted, RedemptionRefused)
            assert granted.granted == user


def test_a_token_becomes_a_newer_one(settings: Any) -> None:
    user = user_with(OLD)
    token = old_token(user)
    with authenticated_by(settings, *JWT):
        client = with_token(token)
        assert client.get(GUARDED).status_code == 403
        assert ask(client).status_code == 202
        answer = confirm(client, last_code())
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert set(body_of(answer)) == {"access", "refresh"}
    assert "sessionid" not in answer.cookies
    assert with_token(body_of(answer)["access"]).get(GUARDED).status_code == 200
    # The old one proves what it did.
    assert client.get(GUARDED).status_code == 403


def test_a_cookie_beside_a_token_gets_no_proof(settings: Any) -> None:
    user = user_with(OLD)
    with authenticated_by(settings, *JWT):
        client = logged_in(user_with(NEW))
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {old_token(user)}"
        ask(client)
        assert set(body_of(confirm(client, last_code()))) == {"access", "refresh"}
    del client.defaults["HTTP_AUTHORIZATION"]
    assert client.get(GUARDED).status_code == 403


def test_a_site_whose_tokens_alone_know_the_user(settings: Any) -> None:
    user = user_with(OLD)
    stateless = "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
    with authenticated_by(settings, stateless):
        client = with_token(old_token(user))
        assert ask(client).status_code == 202
        assert "access" in body_of(confirm(client, last_code()))
        user.delete()
        assert reason_of(ask(client)) == (401, "not_authenticated")


def test_a_hidden_user_gets_no_newer_token(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """simplejwt finds whom the default manager of the site hides."""
    user = user_with(OLD)
    with authenticated_by(settings, *JWT):
        client = with_token(old_token(user))
        ask(client)
        code = last_code()
        monkeypatch.setattr(authenticated, "is_shown", lambda user: False)
        assert reason_of(ask(client)) == (401, "not_authenticated")
        assert reason_of(confirm(client, code)) == (401, "not_authenticated")


def test_tokens_in_cookies(settings: Any) -> None:
    user = user_with(OLD)
    issuer = "django_sms_otp.auth.tokens.CookieJWTIssuer"
    with (
        override_sms_otp(TOKEN_ISSUER=issuer),
        authenticated_by(settings, "django_sms_otp.auth.tokens.CookieJWTAuthentication"),
    ):
        client = Client()
        client.cookies["__Host-access"] = str(old_token(user))
        assert ask(client).status_code == 202
        answer = confirm(client, last_code())
        assert answer.status_code == 200
        token = AccessToken(answer.cookies["__Host-access"].value)
        assert timezone.now().timestamp() - token["auth_time"] < 60
        assert b"access" not in answer.content


def drf_token(user: User) -> Client:
    return with_token(Token.objects.create(user=user).key, "Token")


def knox_token(user: User) -> Client:
    _, token = AuthToken.objects.create(user=user)
    return with_token(token, "Token")


def jwt(user: User) -> Client:
    return with_token(old_token(user))


@pytest.mark.parametrize(
    ("come_by", "authentication", "issuer"),
    [
        (drf_token, "rest_framework.authentication.TokenAuthentication", "DRFTokenIssuer"),
        (knox_token, "knox.auth.TokenAuthentication", "KnoxIssuer"),
        (drf_token, "rest_framework.authentication.TokenAuthentication", "SimpleJWTIssuer"),
        (jwt, *JWT, "DRFTokenIssuer"),
        (jwt, *JWT, "KnoxIssuer"),
    ],
)
def test_a_token_that_can_keep_no_proof_costs_no_message(
    settings: Any, come_by: Callable[[User], Client], authentication: str, issuer: str
) -> None:
    client = come_by(user_with(OLD))
    with (
        override_sms_otp(TOKEN_ISSUER=f"django_sms_otp.auth.tokens.{issuer}"),
        authenticated_by(settings, authentication),
    ):
        for answer in (ask(client), confirm(client, "123456")):
            assert reason_of(answer) == (401, "not_authenticated")
    assert testing.outbox == []
    assert not OTPCode.objects.exists()


def test_an_account_that_gets_no_tokens_is_told_so(settings: Any) -> None:
    user = user_with(OLD)
    settings.SIMPLE_JWT = {"USER_AUTHENTICATION_RULE": f"{__name__}.nobody"}
    client = with_token(old_token(user))
    with authenticated_by(
        settings, "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
    ):
        ask(client)
        code = last_code()
        assert reason_of(confirm(client, code)) == (401, "no_active_account")
        assert reason_of(confirm(client, code)) == (401, "invalid_code")


def nobody(user: User) -> bool:
    return False


def test_a_session_sends_its_csrf_token() -> None:
    client = logged_in(user_with(OLD), enforce_csrf_checks=True)
    for answer in (ask(client), confirm(client, "123456")):
        assert reason_of(answer) == (403, "csrf_failed")
    assert testing.outbox == []
    client.cookies["csrftoken"] = "c" * 32
    client.defaults["HTTP_X_CSRFTOKEN"] = "c" * 32
    assert ask(client).status_code == 202
    assert confirm(client, last_code()).status_code == 200


def test_basic_authentication_keeps_no_proof(settings: Any) -> None:
    user = user_with(OLD, password="secret")
    name_and_password = b64encode(f"{user.username}:secret".encode()).decode()
    client = with_token(name_and_password, "Basic")
    with authenticated_by(settings, "rest_framework.authentication.BasicAuthentication"):
        for answer in (ask(client), confirm(client, "123456")):
            assert reason_of(answer) == (401, "not_authenticated")
            assert "sessionid" not in answer.cookies
        assert testing.outbox == []
        # Beside the cookie of a login it does: the session keeps it.
        client.force_login(user)
        assert ask(client).status_code == 202
        assert confirm(client, last_code()).status_code == 200


Send = Callable[[Client], Any]
BOTH: dict[str, Send] = {"ask": ask, "confirm": lambda client: confirm(client, "123456")}


@pytest.mark.parametrize("send", BOTH.values(), ids=BOTH)
def test_who_is_not_logged_in(send: Send) -> None:
    answer = send(Client())
    assert reason_of(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("send", BOTH.values(), ids=BOTH)
def test_a_page_of_another_site(send: Send) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    client = logged_in(user_with(OLD), headers=foreign)
    assert reason_of(send(client)) == (403, "cross_site")
    assert testing.outbox == []


@pytest.mark.parametrize("name", ["get-code", "auth-code"])
def test_another_method(name: str) -> None:
    answer = logged_in(user_with(OLD)).get(f"{URL}{name}/")
    assert reason_of(answer) == (405, "method_not_allowed")


def test_malformed_bodies() -> None:
    client = logged_in(user_with(OLD))
    for answer in (
        ask(client, number=1),
        ask(client, channel="pigeon"),
        ask(client, request_id="x"),
        confirm(client, ""),
        confirm(client, "123456", number=["1"]),
        client.post(f"{URL}auth-code/", b"{", content_type="application/json"),
    ):
        assert reason_of(answer) == (400, "invalid")
    assert testing.outbox == []


def test_a_wrong_code_proves_nothing() -> None:
    client = logged_in(user_with(OLD))
    ask(client)
    assert reason_of(confirm(client, wrong(last_code()))) == (401, "invalid_code")
    assert client.get(GUARDED).status_code == 403


def test_a_code_proves_once() -> None:
    client = logged_in(user_with(OLD))
    ask(client)
    code = last_code()
    assert confirm(client, code).status_code == 200
    assert reason_of(confirm(client, code)) == (401, "invalid_code")


@pytest.mark.parametrize("purpose", [LOGIN, VERIFY_PHONE, STEP_UP])
def test_a_code_of_another_purpose_or_of_no_account_proves_nothing(purpose: str) -> None:
    client = logged_in(user_with(OLD))
    outcome = services.request_code(parse_phone_number(OLD), purpose=purpose)
    assert isinstance(outcome, CodeRequested)
    assert reason_of(confirm(client, last_code())) == (401, "invalid_code")
    named = confirm(client, last_code(), request_id=str(outcome.request_id))
    assert reason_of(named) == (401, "invalid_code")
    assert client.get(GUARDED).status_code == 403


def test_the_code_logs_nobody_in_and_links_no_number() -> None:
    user, other = user_with(OLD), user_with(NEW)
    request_id = body_of(ask(logged_in(user)))["request_id"]
    number = parse_phone_number(OLD)
    for fields in ({"phone_number": OLD}, {"request_id": request_id}):
        answer = Client().post("/auth/sms/auth-code/", {"code": last_code(), **fields})
        assert reason_of(answer) == (401, "invalid_code")
    for who in (user, other):
        linked: Any = services.link_number(who, last_code(), phone_number=number)
        assert linked.reason == "invalid_code"


def test_the_code_is_worth_nothing_in_the_session_of_another_account() -> None:
    """Not even if the number is that account's by now."""
    user, other = user_with(OLD), user_with(NEW)
    request_id = body_of(ask(logged_in(user)))["request_id"]
    code = last_code()
    user.verified_phones.update(user=other, is_primary=None)
    client = logged_in(other)
    number = id_of(other, OLD)
    for fields in ({}, {"request_id": request_id}):
        assert reason_of(confirm(client, code, number=number, **fields)) == (
            401,
            "invalid_code",
        )
    assert client.get(GUARDED).status_code == 403


def test_a_request_of_another_account_is_none() -> None:
    user, other = user_with(OLD), user_with(NEW)
    theirs = body_of(ask(logged_in(other)))["request_id"]
    client = logged_in(user)
    mine = body_of(ask(client, request_id=theirs))["request_id"]
    assert mine != theirs
    assert reason_of(confirm(client, last_code(), request_id=theirs)) == (401, "invalid_code")
    assert confirm(client, last_code(), request_id=mine).status_code == 200


def test_a_number_that_has_left_the_account_proves_nothing() -> None:
    user = user_with(OLD, NEW)
    client, number = logged_in(user), id_of(user, OLD)
    ask(client)
    code = last_code()
    services.unlink_number(user, number)
    assert reason_of(confirm(client, code, number=number)) == (404, "not_found")
    assert reason_of(confirm(client, code)) == (401, "invalid_code")


def test_a_number_that_leaves_while_its_code_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = user_with(OLD, NEW)
    client, number = logged_in(user), id_of(user, OLD)
    ask(client)
    own_number = step_up._own_number

    def removed_just_then(*given: Any) -> Any:
        found = own_number(*given)
        services.unlink_number(user, number)
        return found

    monkeypatch.setattr(step_up, "_own_number", removed_just_then)
    assert reason_of(confirm(client, last_code())) == (404, "not_found")
    assert client.get(GUARDED).status_code == 403


def test_guesses_and_messages_have_the_limits_of_the_number() -> None:
    client = logged_in(user_with(OLD))
    with override_sms_otp(COOLDOWN=[timedelta(seconds=30)]):
        ask(client)
        code = last_code()
        assert reason_of(ask(client)) == (429, "cooldown")
        assert ask(client)["Retry-After"]
        # A login has the same budget.
        login = Client().post("/auth/sms/get-code/", {"phone_number": OLD})
        assert reason_of(login) == (429, "cooldown")
    assert len(testing.outbox) == 1
    answers = [confirm(client, wrong(code)) for _ in range(12)]
    assert reason_of(answers[-1]) == (429, "too_many_attempts")
    assert reason_of(confirm(client, code)) == (429, "too_many_attempts")


def test_a_flood_of_a_stolen_session_is_that_of_a_number() -> None:
    client = logged_in(user_with(OLD))
    with override_sms_otp(LIMITS={"phone": "3/h"}):
        answers = [ask(client) for _ in range(6)]
    assert len(testing.outbox) == 3
    assert [each.status_code for each in answers] == [202] * 3 + [429] * 3


def test_a_region_that_the_site_sends_to_no_more() -> None:
    client = logged_in(user_with(OLD))
    with override_sms_otp(ALLOWED_REGIONS=["DE"], DEFAULT_REGION="DE"):
        assert reason_of(ask(client)) == (400, "region_not_supported")
    assert testing.outbox == []


@override_sms_otp(REQUIRE_REQUEST_ID=True)
def test_where_each_guess_names_its_request() -> None:
    client = logged_in(user_with(OLD))
    request_id = body_of(ask(client))["request_id"]
    answer = confirm(client, last_code())
    assert reason_of(answer) == (400, "invalid")
    assert set(body_of(answer)["errors"]) == {"request_id"}
    assert confirm(client, last_code(), request_id=request_id).status_code == 200


@override_sms_otp(DEVICE_COOKIE="device")
def test_the_device_is_known_afterwards() -> None:
    client = logged_in(user_with(OLD))
    ask(client)
    assert confirm(client, last_code()).cookies["device"].value


def test_atomic_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    client = logged_in(user_with(OLD))
    assert ask(client).status_code == 202
    assert confirm(client, last_code()).status_code == 200


def test_another_session_of_the_user_is_not_verified() -> None:
    user = user_with(OLD)
    client, stolen = logged_in(user), logged_in(user)
    ask(client)
    assert confirm(client, last_code()).status_code == 200
    assert stolen.get(GUARDED).status_code == 403


def test_staff_prove_a_number_though_none_logs_them_in() -> None:
    user = user_with(OLD)
    user.is_staff = True
    user.save()
    client = logged_in(user)
    ask(client)
    assert confirm(client, last_code()).status_code == 200


def test_a_token_of_whoever_may_not_log_in_is_not_renewed(settings: Any) -> None:
    user = user_with(OLD)
    user.is_staff = True
    user.save()
    with authenticated_by(settings, *JWT):
        client = with_token(old_token(user))
        assert ask(client).status_code == 202
        refused = confirm(client, last_code())
        assert (refused.status_code, body_of(refused)["code"]) == (401, "no_active_account")
        assert OTPCode.objects.get().redeemed_at is None
        with override_sms_otp(ALLOW_STAFF=True):
            assert confirm(client, last_code()).status_code == 200


def test_nobody() -> None:
    with pytest.raises(TypeError, match="must be a saved user"):
        services.request_step_up(AnonymousUser())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a saved user"):
        services.confirm_step_up(User(), "123456")
