"""``log_in`` and ``code_for``, in a site that has other ways in than JSON Web Tokens."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory, override_settings
from rest_framework.test import APIClient

from django_sms_otp import services, testing
from django_sms_otp.auth import sessions
from django_sms_otp.auth.tokens import TokenIssuer
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, Post
from tests.support.factories import VerifiedPhoneFactory

pytestmark = pytest.mark.django_db


class PlainIssuer(TokenIssuer):
    def issue(
        self, user: Any, *, request: object = None, registered: bool = False
    ) -> dict[str, Any]:
        return {"token": "abc"}


def sends(client: Any) -> str:
    """Return the ``Authorization`` header of a client."""
    header: str = client.get("/auth/sms/get-code/").wsgi_request.META["HTTP_AUTHORIZATION"]
    return header


@override_sms_otp(TOKEN_ISSUER=f"{__name__}.PlainIssuer")
@pytest.mark.parametrize("client_class", [Client, APIClient])
def test_a_token_of_another_issuer_has_the_scheme_of_rest_framework(
    client_class: type[Client],
) -> None:
    testing.log_in(client := client_class(), PHONE)
    assert sends(client) == "Token abc"


@pytest.mark.parametrize("issuer", ["SessionIssuer", "CookieJWTIssuer"])
@pytest.mark.parametrize("client_class", [Client, APIClient])
def test_the_cookies_of_an_issuer_stay_in_the_client(
    client_class: type[Client], issuer: str
) -> None:
    client = client_class()
    with override_sms_otp(TOKEN_ISSUER=f"django_sms_otp.auth.tokens.{issuer}"):
        testing.log_in(client, PHONE)
    name = "sessionid" if issuer == "SessionIssuer" else "__Host-access"
    assert name in client.cookies


@pytest.mark.parametrize("types", [("JWT", "Bearer"), "JWT"])
def test_a_json_web_token_has_the_scheme_of_the_site(types: tuple[str, ...] | str) -> None:
    with override_settings(SIMPLE_JWT={"AUTH_HEADER_TYPES": types}):
        testing.log_in(client := APIClient(), PHONE)
    assert sends(client).startswith("JWT ey")


@override_sms_otp(TOKEN_ISSUER="django_sms_otp.auth.tokens.KnoxIssuer")
@pytest.mark.parametrize("prefix", ["Token", "Bearer"])
def test_a_token_of_knox_has_the_prefix_of_the_site(prefix: str) -> None:
    by_knox = {"DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"]}
    with override_settings(REST_KNOX={"AUTH_HEADER_PREFIX": prefix}, REST_FRAMEWORK=by_knox):
        testing.log_in(client := APIClient(), PHONE)
        assert client.get("/auth/sms/numbers/").status_code == 200


@override_settings(ROOT_URLCONF="django.contrib.auth.urls")
@pytest.mark.parametrize("client_class", [Client, APIClient])
def test_where_the_endpoints_are_not_there_is_a_session(client_class: type[Client]) -> None:
    client = client_class()
    request: Any = RequestFactory().get("/")
    request.user = testing.log_in(client, PHONE)
    request.session = client.session
    assert sessions.verified_at(request) is not None


@pytest.mark.parametrize("issuer", ["SessionIssuer", "SimpleJWTIssuer"])
def test_the_second_login_of_a_client_is_the_one_that_holds(issuer: str) -> None:
    client = Client()
    with override_sms_otp(TOKEN_ISSUER=f"django_sms_otp.auth.tokens.{issuer}"):
        for number in (PHONE, "+14155552672"):
            user = testing.log_in(client, number)
            assert client.session["_auth_user_id"] == str(user.pk)


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_an_unknown_number_logs_nobody_in_where_the_site_rejects_it() -> None:
    with pytest.raises(AssertionError, match="get-code answered 404"):
        testing.log_in(APIClient(), PHONE)
    phone = VerifiedPhoneFactory.create(phone_number=PHONE)
    assert testing.log_in(APIClient(), PHONE) == phone.user


def test_a_login_works_in_spite_of_wrong_guesses(get_code: Post, auth_code: Post) -> None:
    get_code()
    for _ in range(6):
        answer = auth_code(phone_number=PHONE, code="1")
    assert answer.status_code == 429
    assert testing.log_in(APIClient(), PHONE) == get_user_model().objects.get()


def test_the_code_is_the_newest_of_the_number(get_code: Post) -> None:
    with override_sms_otp(COOLDOWN=[], REQUIRE_REQUEST_ID=True):
        for number in (PHONE, PHONE, "+14155552672"):
            get_code(phone_number=number)
    assert testing.code_for("(415) 555 26 71".join(["+1 ", ""])) == testing.outbox[1].code
    assert testing.code_for(services.read_phone_number(PHONE)) == testing.outbox[1].code
