"""Logins that prepare a test: through the endpoints of the site, without its limits."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from ..auth import sessions
from ..auth.step_up import token_scheme
from ..auth.tokens import KnoxIssuer, SimpleJWTIssuer, get_token_issuer
from ..auth.users import get_user_resolver
from ..backends.locmem import outbox
from ..conf import get_settings
from ..conf.choices import CONTROLS
from ..phone import PhoneNumber
from ..results import RedemptionRefused, RequestRefused
from ..services import give_back_messages, read_phone_number, redeem_code, request_code
from .settings import override_sms_otp, sms_in_memory

__all__ = ["code_for", "log_in"]

SESSIONS = "django.contrib.sessions"

LIMITS = {*CONTROLS} - {"number_type", "region"}


def code_for(number: str | PhoneNumber) -> str:
    """Return the newest code that was sent to a number.

    :raises AssertionError: none was.
    """
    phone_number = read_phone_number(number)
    for message in reversed(outbox):
        if message.to == phone_number.e164 and message.code:
            return message.code
    raise AssertionError(
        f"The outbox has no code for {phone_number}, and {len(outbox)} messages to other "
        "numbers. Was it requested? A message may be withheld, or wait for a worker."
    )


def log_in(client: Client, number: str | PhoneNumber) -> AbstractBaseUser:
    """Log a client in by SMS, and return the user.

    The client asks the site's endpoints for a code and redeems it. It keeps what they answer:
    cookies, or a token for its ``Authorization`` header. Django's own client gets a session as
    well, for views that look at ``request.user``; so does any client if the site does not have
    the endpoints. No limit, challenge or queue of the site applies. Afterwards the outbox is as
    before, and the number may get its next message at once.

    :param client: Django's ``Client`` or REST framework's ``APIClient``.
    :raises AssertionError: the site refuses this login.
    """
    phone_number = read_phone_number(number)
    before = len(outbox)
    modes = {**get_settings().CONTROL_MODES, **dict.fromkeys(LIMITS, "off")}
    try:
        with (
            sms_in_memory(),
            override_sms_otp(CONTROL_MODES=modes, COOLDOWN=[], DELIVERY="immediate"),
        ):
            user = _log_in(client, phone_number)
    finally:
        del outbox[before:]
    give_back_messages(phone_number)
    return user


def _log_in(client: Client, phone_number: PhoneNumber) -> AbstractBaseUser:
    if not _has_endpoints():
        return _open_session(client, phone_number)
    before = _session_key(client)
    user = _use_endpoints(client, phone_number)
    is_api_client = hasattr(client, "credentials")
    if is_api_client or _session_key(client) != before or not apps.is_installed(SESSIONS):
        return user
    return _open_session(client, phone_number)


def _session_key(client: Client) -> str:
    cookie = client.cookies.get(django_settings.SESSION_COOKIE_NAME)
    return cookie.value if cookie else ""


def _has_endpoints() -> bool:
    try:
        return bool(reverse("sms_otp:auth-code"))
    except NoReverseMatch:
        return False


def _use_endpoints(client: Client, phone_number: PhoneNumber) -> AbstractBaseUser:
    """Log in by ``get-code`` and ``auth-code``."""
    number = {"phone_number": phone_number.e164}
    asked = _post(client, "get-code", number)
    body = {**number, "request_id": asked["request_id"], "code": code_for(phone_number)}
    answer = _post(client, "auth-code", body)
    if token := answer.get("access") or answer.get("token"):
        _give_token(client, token)
    user = get_user_resolver().get_user(phone_number)
    if user is None:
        raise _failure("The user resolver", "with nobody")
    return user


def _post(client: Client, name: str, body: dict[str, str]) -> dict[str, Any]:
    # A site may redirect to HTTPS what comes without it.
    answer = client.post(
        reverse(f"sms_otp:{name}"),
        json.dumps(body),
        content_type="application/json",
        secure=True,
    )
    if answer.status_code not in range(200, 300):
        raise _failure(name, f"{answer.status_code} {answer.content!r}")
    found: dict[str, Any] = json.loads(answer.content or b"{}")
    return found


def _give_token(client: Client, token: str) -> None:
    """Make a client send a token as REST framework's authentication class expects it."""
    issuer = get_token_issuer()
    scheme, header = "Token", "HTTP_AUTHORIZATION"
    if isinstance(issuer, KnoxIssuer):
        scheme = getattr(django_settings, "REST_KNOX", {}).get("AUTH_HEADER_PREFIX", scheme)
    elif isinstance(issuer, SimpleJWTIssuer):
        theirs = getattr(django_settings, "SIMPLE_JWT", {})
        scheme = token_scheme()
        header = theirs.get("AUTH_HEADER_NAME", header)
    if hasattr(client, "credentials"):
        client.credentials(**{header: f"{scheme} {token}"})
    else:
        client.defaults[header] = f"{scheme} {token}"


def _open_session(client: Client, phone_number: PhoneNumber) -> AbstractBaseUser:
    """Log in by the services, as a view of the site's own does."""
    asked = request_code(phone_number)
    if isinstance(asked, RequestRefused):
        raise _failure("request_code()", asked.reason)
    redeemed: Any = redeem_code(
        code_for(phone_number), phone_number=phone_number, request_id=asked.request_id
    )
    if isinstance(redeemed, RedemptionRefused):
        raise _failure("redeem_code()", redeemed.reason)
    request = HttpRequest()
    request.session = client.session
    sessions.log_in(request, redeemed)
    request.session.save()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    user: AbstractBaseUser = redeemed.user
    return user


def _failure(name: str, answer: str) -> AssertionError:
    return AssertionError(f"Nobody can log in with this number: {name} answered {answer}.")
