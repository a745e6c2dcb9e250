"""Views that ask for a fresh proof by SMS, and what counts as one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth import login
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import NoReverseMatch
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import force_authenticate
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from django_sms_otp.auth.sessions import note_verified
from django_sms_otp.auth.step_up import (
    SMSVerifiedMixin,
    authenticated_at,
    is_fresh,
    is_verified,
    sms_verified,
    verified_at,
)
from django_sms_otp.auth.tokens import get_token_issuer
from tests.conftest import body_of
from tests.support.factories import UserFactory
from tests.support.sites.guarded import DONE

from .test_sessions import ENGINE, request_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.sites.guarded")]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LIMIT = timedelta(minutes=5)

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
WITH_PAGES = pytest.mark.urls("tests.support.sites.guarded_with_pages")

VIEWS = [
    "plain",
    "awaited",
    "class",
    "awaited-class",
    "decorated-class",
    "of-rest-framework",
    "permitted",
    "permitted-or-staff",
]
OF_DJANGO = VIEWS[:5]
OF_REST_FRAMEWORK = VIEWS[5:]

CHALLENGE = (
    'Bearer realm="api", error="insufficient_user_authentication", '
    'error_description="A fresh proof by SMS is required.", max_age="300"'
)
REFUSED = {
    "detail": "Please confirm first that it is you.",
    "code": "sms_verification_required",
}


def logged_in(user: User | None = None) -> Client:
    client = Client()
    client.force_login(user or UserFactory.create())
    return client


def verify(client: Client | AsyncClient) -> None:
    """Keep a proof in the client's session, as the endpoint does."""
    session = client.session
    request = request_of(session, User.objects.get(pk=session["_auth_user_id"]))
    note_verified(request)
    session.save()
    client.cookies["sessionid"] = str(session.session_key)


def with_token(token: Any) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"})


def token_of(user: User, **claims: Any) -> AccessToken:
    token = AccessToken.for_user(user)
    token.payload.update(claims)
    return token


def by_sms(user: User, ago: timedelta = timedelta()) -> AccessToken:
    at = int(time.time() - ago.total_seconds())
    return token_of(user, amr=["sms", "otp"], auth_time=at)


@pytest.mark.parametrize("view", VIEWS)
def test_a_session_without_a_fresh_proof_is_told_what_to_do(view: str) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        client = logged_in()
        answers = [client.get(f"/{view}/")]  # Logged in just now, but not by SMS.
        verify(client)
        assert DONE in client.get(f"/{view}/").content
        clock.shift(LIMIT)
        assert client.get(f"/{view}/").status_code == 200
        clock.shift(1)
        answers.append(client.get(f"/{view}/"))
    for answer in answers:
        assert answer.status_code == 403
        assert body_of(answer) == REFUSED
        assert answer["WWW-Authenticate"] == CHALLENGE


@pytest.mark.parametrize("view", OF_DJANGO)
def test_the_refusal_of_a_view_is_not_stored(view: str) -> None:
    assert logged_in().get(f"/{view}/")["Cache-Control"] == "no-store"


@pytest.mark.parametrize("view", ["awaited", "awaited-class", "decorated-class"])
def test_an_async_view_asks_the_database_in_a_thread(view: str) -> None:
    client = AsyncClient()
    assert async_to_sync(client.get)(f"/{view}/").status_code == 401
    client.force_login(UserFactory.create())
    assert async_to_sync(client.get)(f"/{view}/").status_code == 403
    verify(client)
    assert async_to_sync(client.get)(f"/{view}/").content == DONE


@pytest.mark.parametrize("view", VIEWS)
def test_who_is_not_logged_in_is_told_so(view: str) -> None:
    answer = Client().get(f"/{view}/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("view", OF_DJANGO)
def test_a_client_that_is_not_logged_in_gets_the_apis_answer(view: str) -> None:
    answer = Client().get(f"/{view}/")
    assert answer.status_code == 401
    assert body_of(answer) == {"detail": "Please log in first.", "code": "not_authenticated"}
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("view", OF_DJANGO)
def test_a_browser_that_is_not_logged_in_goes_to_the_sites_login(view: str) -> None:
    answer = Client(headers=HTML).get(f"/{view}/?a=b")
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next=/{view}/%3Fa%3Db"


@pytest.mark.parametrize("view", OF_REST_FRAMEWORK)
def test_a_token_proves_what_its_claims_say(view: str) -> None:
    user = UserFactory.create()

    def status(token: Any) -> int:
        answer = with_token(token).get(f"/{view}/")
        if answer.status_code == 403:
            assert body_of(answer) == REFUSED
            assert answer["WWW-Authenticate"] == CHALLENGE
        return int(answer.status_code)

    assert status(by_sms(user)) == 200
    assert status(by_sms(user, LIMIT + timedelta(seconds=1))) == 403
    assert status(token_of(user)) == 403


def test_the_tokens_of_a_login_by_sms_prove_it_and_refreshed_ones_no_more() -> None:
    user = UserFactory.create()
    with time_machine.travel(NOW, tick=False) as clock:
        tokens = get_token_issuer().issue(user)
        assert with_token(tokens["access"]).get("/permitted/").status_code == 200
        clock.shift(LIMIT + timedelta(seconds=1))
        refreshed = RefreshToken(tokens["refresh"]).access_token
        assert with_token(refreshed).get("/permitted/").status_code == 403


def test_a_cookie_beside_a_token_proves_nothing() -> None:
    user = UserFactory.create()
    client = logged_in(user)
    verify(client)
    assert client.get("/permitted/").status_code == 200
    for who in (user, UserFactory.create()):
        headers = {"Authorization": f"Bearer {token_of(who)}"}
        assert client.get("/permitted/", headers=headers).status_code == 403


def test_a_view_that_authenticates_by_itself_is_refused() -> None:
    """Whoever has a session of their own would pass by it with the token of somebody else."""

    class Deciding(APIView):
        pass

    with pytest.raises(TypeError, match=r"Deciding .*\[SMSVerified\]"):
        sms_verified()(Deciding.as_view())
    with pytest.raises(TypeError, match=r"below api_view"):
        sms_verified()(api_view()(lambda request: HttpResponse()))
    with pytest.raises(TypeError, match="Mixed"):
        type("Mixed", (SMSVerifiedMixin, APIView), {})


@pytest.mark.parametrize("others", [[], [never_cache]])
def test_a_dispatch_that_has_not_authenticated_yet_is_refused(others: list[Any]) -> None:
    """A thief has a proof of their own in a session, and a token of the victim."""

    @method_decorator([*others, sms_verified()], name="dispatch")
    class Paying(APIView):
        authentication_classes = (JWTAuthentication,)

        def post(self, request: Request) -> Response:
            return Response("paid")

    victim, thief = UserFactory.create(), UserFactory.create()
    headers = {"Authorization": f"Bearer {token_of(victim)}"}
    request: Any = RequestFactory().post("/", headers=headers)
    request.user, request.session = thief, Client().session
    note_verified(request)
    with pytest.raises(TypeError, match=r"Paying .*\[SMSVerified\]"):
        Paying.as_view()(request)


def test_a_method_that_is_called_afterwards_looks_at_the_token() -> None:
    class Paying(APIView):
        authentication_classes = (JWTAuthentication,)

        @method_decorator(sms_verified())
        def post(self, request: Request) -> Response:
            return Response("paid")

    def status(token: AccessToken) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        answer = Paying.as_view()(RequestFactory().post("/", headers=headers))
        return int(answer.status_code)

    user = UserFactory.create()
    assert status(token_of(user)) == 403
    assert status(by_sms(user)) == 200


def test_a_dispatch_of_django_is_decorated_as_ever() -> None:
    @method_decorator(sms_verified(), name="dispatch")
    class Exporting(View):
        def get(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse(DONE)

    request: Any = RequestFactory().get("/")
    request.user, request.session = UserFactory.create(), Client().session
    assert Exporting.as_view()(request).status_code == 403
    note_verified(request)
    assert Exporting.as_view()(request).status_code == 200


def rest_request(user: Any, token: Any) -> Request:
    request = RequestFactory().get("/")
    force_authenticate(request, user=user, token=token)
    return APIView().initialize_request(request)


FRESH = {"amr": ["sms", "otp"], "auth_time": NOW.timestamp()}
BROKEN: dict[str, dict[str, Any]] = {
    "none": {},
    "no time": {"amr": ["sms"]},
    "a text": {"amr": ["sms"], "auth_time": str(NOW.timestamp())},
    "true": {"amr": ["sms"], "auth_time": True},
    "not a number": {"amr": ["sms"], "auth_time": float("nan")},
    "of no calendar": {"amr": ["sms"], "auth_time": 1e30},
    "null": {"amr": ["sms"], "auth_time": None},
    "in the future": {"amr": ["sms"], "auth_time": NOW.timestamp() + 61},
}
NOT_BY_SMS: dict[str, dict[str, Any]] = {
    "no methods": {"auth_time": NOW.timestamp()},
    "by password": {"amr": ["pwd"], "auth_time": NOW.timestamp()},
    "a text that has the letters": {"amr": "no-sms", "auth_time": NOW.timestamp()},
}


@pytest.mark.parametrize("claims", BROKEN.values(), ids=BROKEN)
def test_claims_that_are_missing_or_broken_prove_nothing(claims: dict[str, Any]) -> None:
    with time_machine.travel(NOW, tick=False):
        request = rest_request(UserFactory.create(), claims)
        assert verified_at(request) is authenticated_at(request) is None
        assert not is_verified(request)
        assert not is_fresh(request)


@pytest.mark.parametrize("claims", NOT_BY_SMS.values(), ids=NOT_BY_SMS)
def test_a_login_by_another_door_is_a_login_and_no_proof(claims: dict[str, Any]) -> None:
    with time_machine.travel(NOW, tick=False):
        request = rest_request(UserFactory.create(), claims)
        assert verified_at(request) is None
        assert authenticated_at(request) == NOW
        assert is_fresh(request)
        assert not is_verified(request)


def test_claims_may_come_from_another_package_than_simplejwt() -> None:
    with time_machine.travel(NOW, tick=False):
        request = rest_request(UserFactory.create(), FRESH)
        assert verified_at(request) == authenticated_at(request) == NOW


def test_a_clock_that_steps_back_keeps_no_token_fresh() -> None:
    user = UserFactory.create()
    with time_machine.travel(NOW - timedelta(seconds=30), tick=False):
        assert verified_at(rest_request(user, FRESH)) == NOW - timedelta(seconds=30)
    with time_machine.travel(NOW - timedelta(minutes=2), tick=False):
        assert verified_at(rest_request(user, FRESH)) is None


@pytest.mark.parametrize("token", ["abc", object()])
def test_a_token_that_tells_nothing_proves_nothing(token: object) -> None:
    assert verified_at(rest_request(UserFactory.create(), token)) is None


def test_a_token_of_another_user_proves_nothing() -> None:
    """Support staff may act for a user whose token they do not have."""
    staff, user = UserFactory.create(), UserFactory.create()
    assert verified_at(rest_request(staff, by_sms(staff))) is not None
    request = rest_request(user, by_sms(staff))
    assert verified_at(request) is authenticated_at(request) is None


def test_a_token_of_nobody_proves_nothing() -> None:
    assert verified_at(rest_request(AnonymousUser(), FRESH)) is None


def test_a_session_is_fresh_from_its_login_or_its_proof() -> None:
    user, request = UserFactory.create(), request_of(import_module(ENGINE).SessionStore())
    assert not is_fresh(request)
    with time_machine.travel(NOW, tick=False) as clock:
        login(request, user)
        assert authenticated_at(request) == NOW
        assert is_fresh(request)
        assert not is_verified(request)
        clock.shift(timedelta(hours=1))
        assert not is_fresh(request)
        note_verified(request)
        assert verified_at(request) == authenticated_at(request) == NOW + timedelta(hours=1)
        assert is_fresh(request)


def test_a_browser_reads_in_plain_words_what_it_lacks_where_there_is_no_page() -> None:
    client = logged_in()
    answer = client.get("/plain/", headers={**HTML, "Accept-Language": "de"})
    assert answer.status_code == 403
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode() == "Bitte bestätigen Sie zuerst, dass Sie es sind."


@WITH_PAGES
@pytest.mark.parametrize("view", OF_DJANGO)
def test_a_browser_goes_to_the_page_and_back(view: str) -> None:
    answer = logged_in().get(f"/{view}/?a=b", headers=HTML)
    assert answer.status_code == 302
    assert answer["Location"] == f"/login/step-up/?next=/{view}/%3Fa%3Db"


@WITH_PAGES
def test_a_client_that_asks_for_no_page_gets_none() -> None:
    for accept in ("*/*", "application/json", ""):
        answer = logged_in().get("/plain/", headers={"Accept": accept})
        assert answer.status_code == 403
        assert body_of(answer) == REFUSED


@WITH_PAGES
@pytest.mark.parametrize(
    ("referer", "location"),
    [
        ("http://testserver/form/?a=b", "?next=http%3A//testserver/form/%3Fa%3Db"),
        ("https://evil.example/form/", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_who_sent_a_form_goes_back_to_its_page(referer: str, location: str) -> None:
    answer = logged_in().post("/plain/", headers={**HTML, "Referer": referer})
    assert answer["Location"].removeprefix("/login/step-up/").replace(":", "%3A") == location


@WITH_PAGES
def test_no_way_back_leads_to_another_host() -> None:
    answer = logged_in().get("/", headers=HTML, PATH_INFO="//evil.example/")
    assert answer["Location"] == "/login/step-up/"


def test_a_site_may_have_a_page_of_its_own() -> None:
    answer = logged_in().get("/own-page/", headers=HTML)
    assert answer["Location"] == "/page/?next=/own-page/"


def test_staff_need_no_proof_where_the_site_says_so() -> None:
    staff = UserFactory.create(is_staff=True)
    assert logged_in(staff).get("/permitted-or-staff/").status_code == 200
    assert logged_in(staff).get("/permitted/").status_code == 403


def test_what_is_no_duration_is_refused_with_what_to_pass() -> None:
    given: Any = 300
    with pytest.raises(TypeError, match=r"timedelta\(minutes=5\)"):
        sms_verified(within=given)


def test_a_page_that_does_not_exist_is_an_error_of_the_site() -> None:
    guarded = sms_verified(step_up_url="no-such-page")(lambda request: None)
    request = RequestFactory().get("/", headers=HTML)
    request.user, request.session = UserFactory.create(), Client().session
    with pytest.raises(NoReverseMatch):
        guarded(request)
