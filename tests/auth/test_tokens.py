"""What a login yields, and that a site's own simplejwt settings hold."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework_simplejwt import settings as simplejwt
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken, SlidingToken

from django_sms_otp.auth.issuers.simplejwt import token_serializer
from django_sms_otp.auth.tokens import (
    SimpleJWTIssuer,
    TokenIssuer,
    get_token_issuer,
)
from django_sms_otp.exceptions import InvalidSettings
from django_sms_otp.models import OTPCode
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, Post, body_of, last_code, wrong
from tests.support import sites
from tests.support.factories import UserFactory, VerifiedPhoneFactory

HERE = "tests.auth.test_tokens"


class ShopSerializer(TokenObtainPairSerializer):
    """Adds a claim, as simplejwt's documentation tells sites to."""

    @classmethod
    def get_token(cls, user: Any) -> Any:
        token = super().get_token(user)
        token["shop"] = "north"
        return token

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        raise AssertionError("A login by SMS has no password to validate.")


class SlidingShopSerializer(ShopSerializer):
    token_class: Any = SlidingToken


class BrokenIssuer(SimpleJWTIssuer):
    """Fails after the tokens were minted."""

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, str]:
        super().issue(user, request=request, registered=registered)
        raise RuntimeError("The token service is down.")


class PlainIssuer:
    pass


def only_paying(user: User) -> bool:
    return user.username != "unpaid"


logins: list[tuple[Any, Any]] = []
failures: list[tuple[Any, Any]] = []


def on_login_success(user: Any, request: Any) -> None:
    logins.append((user, request))


def on_login_failed(credentials: Any, request: Any) -> None:
    failures.append((credentials, request))


@pytest.fixture
def newer_simplejwt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give simplejwt the two hooks that later versions have, the way they declare them."""
    logins.clear()
    failures.clear()
    defaults = {
        "ON_LOGIN_SUCCESS": f"{HERE}.on_login_success",
        "ON_LOGIN_FAILED": f"{HERE}.on_login_failed",
    }
    settings = simplejwt.api_settings
    for name, path in defaults.items():
        monkeypatch.setitem(simplejwt.DEFAULTS, name, path)
        monkeypatch.setitem(settings.defaults, name, path)
    import_strings = (*simplejwt.IMPORT_STRINGS, *defaults)
    monkeypatch.setattr(simplejwt, "IMPORT_STRINGS", import_strings)
    monkeypatch.setattr(settings, "import_strings", import_strings)
    settings.reload()
    yield
    settings.reload()


def log_in(get_code: Post, auth_code: Post) -> Any:
    assert get_code(phone_number=PHONE).status_code == 202
    return auth_code(phone_number=PHONE, code=last_code())


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    padded = payload + "=" * (-len(payload) % 4)
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(padded))
    return claims


def test_1_a_sites_serializer_keeps_its_claims(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    settings.SIMPLE_JWT = {"TOKEN_OBTAIN_SERIALIZER": f"{HERE}.ShopSerializer"}
    tokens = body_of(log_in(get_code, auth_code))
    assert claims_of(tokens["access"])["shop"] == "north"
    assert claims_of(tokens["refresh"])["shop"] == "north"


@override_sms_otp(TOKEN_SERIALIZER=f"{HERE}.ShopSerializer")
def test_1_a_serializer_of_our_own_setting_keeps_its_claims(
    get_code: Post, auth_code: Post
) -> None:
    tokens = body_of(log_in(get_code, auth_code))
    assert claims_of(tokens["access"])["shop"] == "north"


def test_1_our_own_setting_goes_before_simplejwts(settings: Any) -> None:
    settings.SIMPLE_JWT = {"TOKEN_OBTAIN_SERIALIZER": f"{HERE}.SlidingShopSerializer"}
    with override_sms_otp(TOKEN_SERIALIZER=f"{HERE}.ShopSerializer"):
        assert token_serializer() is ShopSerializer


def test_2_settings_are_read_at_every_login(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    assert "shop" not in claims_of(body_of(log_in(get_code, auth_code))["access"])
    settings.SIMPLE_JWT = {"TOKEN_OBTAIN_SERIALIZER": f"{HERE}.ShopSerializer"}
    assert "shop" in claims_of(body_of(log_in(get_code, auth_code))["access"])
    settings.SIMPLE_JWT = {}
    assert "shop" not in claims_of(body_of(log_in(get_code, auth_code))["access"])


@pytest.mark.parametrize(("username", "status"), [("unpaid", 401), ("paid", 200)])
def test_3_the_authentication_rule_refuses(
    get_code: Post, auth_code: Post, settings: Any, username: str, status: int
) -> None:
    settings.SIMPLE_JWT = {"USER_AUTHENTICATION_RULE": f"{HERE}.only_paying"}
    VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(username=username))
    assert log_in(get_code, auth_code).status_code == status


def test_3_the_rules_refusal_spends_the_code_and_mints_nothing(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    settings.SIMPLE_JWT = {"USER_AUTHENTICATION_RULE": f"{HERE}.only_paying"}
    VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(username="unpaid"))
    answer = log_in(get_code, auth_code)
    assert body_of(answer)["code"] == "no_active_account"
    assert OTPCode.objects.get().redeemed_at is not None
    assert not OutstandingToken.objects.exists()
    settings.SIMPLE_JWT = {}
    assert body_of(auth_code(phone_number=PHONE, code=last_code()))["code"] == "invalid_code"


def test_4_user_id_field_and_claim_hold() -> None:
    report = sites.visit("revoking")
    claims = report["access_holder"]["claims"]
    [user] = report["users"]
    assert claims["sub"] == user["username"]
    assert "user_id" not in claims
    assert report["access_holder"]["pk"] == user["pk"]


def test_5_a_revocable_token_works_right_after_registration() -> None:
    report = sites.visit("revoking")
    assert report["refresh"]["status"] == 200
    holder = report["refreshed_holder"]
    assert holder["pk"] == report["users"][0]["pk"]
    assert holder["claims"]["hash_password"]


@pytest.mark.parametrize("asked", [True, False])
def test_6_last_login_is_written_once(
    get_code: Post, auth_code: Post, settings: Any, asked: bool
) -> None:
    """Django's own receiver of user_logged_in writes it, whatever simplejwt is told."""
    settings.SIMPLE_JWT = {"UPDATE_LAST_LOGIN": asked}
    with CaptureQueriesContext(connection) as queries:
        log_in(get_code, auth_code)
    said = [each["sql"] for each in queries if "last_login" in each["sql"]]
    assert len([sql for sql in said if sql.startswith("UPDATE")]) == 1
    assert User.objects.get().last_login is not None


@pytest.mark.django_db
def test_6_who_asks_without_a_request_keeps_last_login_by_the_setting(settings: Any) -> None:
    settings.SIMPLE_JWT = {"UPDATE_LAST_LOGIN": True}
    user = UserFactory.create()
    SimpleJWTIssuer().issue(user)
    user.refresh_from_db()
    assert user.last_login is not None


def test_7_a_login_lists_exactly_one_token(get_code: Post, auth_code: Post) -> None:
    tokens = body_of(log_in(get_code, auth_code))
    listed = OutstandingToken.objects.get()
    assert listed.jti == claims_of(tokens["refresh"])["jti"]
    assert listed.user == User.objects.get()


@override_sms_otp(TOKEN_ISSUER=f"{HERE}.BrokenIssuer")
def test_7_a_login_that_fails_lists_no_token(client: Client, get_code: Post) -> None:
    client.raise_request_exception = False
    get_code(phone_number=PHONE)
    body = {"phone_number": PHONE, "code": last_code()}
    answer = client.post("/auth/sms/auth-code/", body, content_type="application/json")
    assert answer.status_code == 500
    assert not OutstandingToken.objects.exists()


def test_8_a_site_of_sliding_tokens_answers_with_one() -> None:
    report = sites.visit("sliding")
    assert report["auth_code"]["status"] == 200
    assert report["auth_code"]["body"].keys() == {"token"}
    claims = report["token_holder"]["claims"]
    assert claims["token_type"] == "sliding"
    assert claims["amr"] == ["sms", "otp"]
    assert report["token_holder"]["pk"] == report["users"][0]["pk"]


@override_sms_otp(TOKEN_SERIALIZER=f"{HERE}.SlidingShopSerializer")
def test_8_a_sliding_serializer_gives_one_token(get_code: Post, auth_code: Post) -> None:
    body = body_of(log_in(get_code, auth_code))
    assert body.keys() == {"token"}
    assert claims_of(body["token"])["shop"] == "north"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer stale",
        f"Bearer {RefreshToken()}",
        "Bearer",
        "Bearer a b c",
        "Basic Og==",
        "Token \N{SNOWMAN}",
        "",
    ],
)
def test_9_a_stale_authorization_header_does_not_fail_a_login(
    client: Client, get_code: Post, header: str
) -> None:
    get_code(phone_number=PHONE)
    answer = client.post(
        "/auth/sms/auth-code/",
        {"phone_number": PHONE, "code": last_code()},
        content_type="application/json",
        headers={"Authorization": header.encode().decode("latin-1")},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("types", "challenge"),
    [
        (("Bearer",), 'Bearer realm="api"'),
        (("JWT", "Bearer"), 'JWT realm="api"'),
        ("JWT", 'JWT realm="api"'),
    ],
)
def test_9_a_refused_login_names_the_sites_scheme(
    auth_code: Post, settings: Any, types: tuple[str, ...] | str, challenge: str
) -> None:
    settings.SIMPLE_JWT = {"AUTH_HEADER_TYPES": types}
    answer = auth_code(phone_number=PHONE, code="123456")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == challenge


@pytest.mark.usefixtures("newer_simplejwt")
def test_10_the_hook_of_a_newer_simplejwt_hears_of_a_login(
    get_code: Post, auth_code: Post
) -> None:
    log_in(get_code, auth_code)
    [(user, request)] = logins
    assert user == User.objects.get()
    assert request.path == "/auth/sms/auth-code/"
    assert failures == []


@pytest.mark.usefixtures("newer_simplejwt")
def test_10_the_hook_of_a_newer_simplejwt_hears_of_a_failure(
    get_code: Post, auth_code: Post
) -> None:
    get_code(phone_number=PHONE)
    auth_code(phone_number=PHONE, code=wrong(last_code()))
    [(credentials, request)] = failures
    assert credentials == {"phone_number": PHONE}
    assert request.path == "/auth/sms/auth-code/"
    assert logins == []


@pytest.mark.usefixtures("newer_simplejwt")
def test_10_a_hook_of_the_site_is_called_once(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    settings.SIMPLE_JWT = {
        "UPDATE_LAST_LOGIN": True,
        "ON_LOGIN_SUCCESS": f"{HERE}.on_login_success",
    }
    log_in(get_code, auth_code)
    assert len(logins) == 1


@pytest.mark.django_db(transaction=True)
def test_11_a_refused_guess_stays_counted_under_atomic_requests(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)

    def post(path: str, **body: str) -> Any:
        return client.post(f"/auth/sms/{path}/", body, content_type="application/json")

    assert post("get-code", phone_number=PHONE).status_code == 202
    code = last_code()
    answers = [post("auth-code", phone_number=PHONE, code=wrong(code)) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {401}
    assert OTPCode.objects.get().failed_attempts == 5
    assert post("auth-code", phone_number=PHONE, code=code).status_code == 429


def test_both_tokens_say_how_and_when_their_holder_logged_in(
    get_code: Post, auth_code: Post
) -> None:
    before = int(time.time())
    tokens = body_of(log_in(get_code, auth_code))
    for token in tokens.values():
        claims = claims_of(token)
        assert claims["amr"] == ["sms", "otp"]
        assert before <= claims["auth_time"] <= time.time()


def test_a_refreshed_token_says_it_too() -> None:
    report = sites.visit("phone_customers")
    first = report["access_holder"]["claims"]
    refreshed = report["refreshed_holder"]["claims"]
    assert refreshed["jti"] != first["jti"]
    assert refreshed["amr"] == ["sms", "otp"]
    assert refreshed["auth_time"] == first["auth_time"]


def test_each_login_mints_tokens_of_its_own(get_code: Post, auth_code: Post) -> None:
    logins = [body_of(log_in(get_code, auth_code)) for _ in range(2)]
    assert len({claims_of(tokens["refresh"])["jti"] for tokens in logins}) == 2


@pytest.fixture
def without_blacklist(settings: Any) -> None:
    installed = (each for each in settings.INSTALLED_APPS if "token_blacklist" not in each)
    settings.INSTALLED_APPS = [*installed]


class ShopIssuer(TokenIssuer):
    pass


class StatelessIssuer(TokenIssuer):
    writes = False


class RecordingIssuer(SimpleJWTIssuer):
    writes = True


def test_an_issuer_writes_unless_it_says_otherwise() -> None:
    assert ShopIssuer().writes
    assert not StatelessIssuer().writes


@pytest.mark.usefixtures("without_blacklist")
def test_simplejwt_with_its_defaults_writes_nothing() -> None:
    assert not SimpleJWTIssuer().writes
    assert RecordingIssuer().writes


@pytest.mark.usefixtures("without_blacklist")
@pytest.mark.parametrize(
    "theirs",
    [
        {"UPDATE_LAST_LOGIN": True},
        {"TOKEN_OBTAIN_SERIALIZER": f"{HERE}.ShopSerializer"},
        {"USER_AUTHENTICATION_RULE": f"{HERE}.only_paying"},
        {"ON_LOGIN_SUCCESS": f"{HERE}.on_login_failed"},
    ],
    ids=str,
)
def test_code_of_the_site_may_write(theirs: dict[str, Any], settings: Any) -> None:
    settings.SIMPLE_JWT = theirs
    assert SimpleJWTIssuer().writes


@pytest.mark.usefixtures("without_blacklist")
def test_a_serializer_of_the_site_may_write() -> None:
    with override_sms_otp(TOKEN_SERIALIZER=f"{HERE}.ShopSerializer"):
        assert SimpleJWTIssuer().writes


def test_a_list_of_tokens_is_written_to() -> None:
    assert SimpleJWTIssuer().writes


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("without_blacklist")
def test_tokens_are_minted_before_anything_is_written(
    get_code: Post, auth_code: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []
    issue = SimpleJWTIssuer.issue

    def watched(self: SimpleJWTIssuer, *args: Any, **options: Any) -> dict[str, str]:
        inside.append(connection.in_atomic_block)
        return issue(self, *args, **options)

    monkeypatch.setattr(SimpleJWTIssuer, "issue", watched)
    for _ in range(2):  # Who registers is written first.
        assert set(body_of(log_in(get_code, auth_code))) == {"access", "refresh"}
    assert inside == [True, False]


def test_an_issuer_that_fails_leaves_the_code_good(client: Client, get_code: Post) -> None:
    client.raise_request_exception = False
    get_code(phone_number=PHONE)
    body = {"phone_number": PHONE, "code": last_code()}

    def post() -> int:
        path = "/auth/sms/auth-code/"
        return client.post(path, body, content_type="application/json").status_code

    with override_sms_otp(TOKEN_ISSUER=f"{HERE}.BrokenIssuer"):
        assert post() == 500
    row = OTPCode.objects.get()
    assert (row.redeemed_at, row.failed_attempts, row.user) == (None, 0, None)
    assert not User.objects.exists()
    assert not OutstandingToken.objects.exists()
    assert post() == 200


@pytest.mark.parametrize("path", [f"{HERE}.Missing", "no.such.module", f"{HERE}.PlainIssuer"])
def test_an_issuer_that_is_none_is_a_clear_error(path: str) -> None:
    with (
        override_sms_otp(TOKEN_ISSUER=path),
        pytest.raises(InvalidSettings, match="TOKEN_ISSUER"),
    ):
        get_token_issuer()


@pytest.mark.parametrize("path", [f"{HERE}.Missing", "no.such.module", f"{HERE}.PlainIssuer"])
def test_a_serializer_that_mints_nothing_is_a_clear_error(path: str) -> None:
    with override_sms_otp(TOKEN_SERIALIZER=path), pytest.raises(InvalidSettings):
        token_serializer()
