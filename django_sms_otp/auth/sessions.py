"""Django sessions: logs in the holder of a redeemed code, and keeps when a session proved what.

A session holds when it logged in, by whatever door, whether that was by SMS, and when it last
proved by SMS that it has the person's number. ``user.last_login`` does not tell: another
session moves it.

The times belong to one user. Where the request is another user's, there are none: Django keeps
what an anonymous session held when somebody logs in, and a request with a token may carry a
cookie of somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY, load_backend, login
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone

from ..exceptions import InvalidSettings
from ..results import Redeemed

__all__ = [
    "authenticated_at",
    "has_login",
    "log_in",
    "logged_in_by_sms",
    "note_verified",
    "verified_at",
]

KEY = "_sms_otp"
USER, AUTHENTICATED_AT, VERIFIED_AT = "user", "authenticated_at", "verified_at"
BY_SMS, MAY_ADD_FIRST = "by_sms", "may_add_first_number"

PROVED_AT = "sms_otp_proved_at"
"""What ``SMSCodeBackend`` writes to the user whom it returns, as Django does ``backend``: that
user is logged in next."""

TOLERANCE = timedelta(minutes=1)
"""How far the clocks of a site's hosts may be apart. A time that is further ahead was written
before a clock stepped back: it would stay fresh for too long, so it counts as no time."""


def log_in(request: HttpRequest, redeemed: Redeemed[Any]) -> None:
    """Log the user of a redeemed code in to the session, as Django's ``login()`` does.

    The session gets a new key, and Django sends ``user_logged_in``. The session holds from now
    on when it logged in, and that it did so by SMS.

    :param request: the caller's request. Its anonymous session keeps its values; the session of
        another user is emptied.
    :param redeemed: what ``services.redeem_code()`` has returned for a right code.
    :raises TypeError: ``redeemed`` is something else, such as ``RedemptionRefused``.
    :raises ValueError: the code was of a purpose that logs nobody in.
    :raises InvalidSettings: the site has no sessions.
    """
    if not isinstance(redeemed, Redeemed):
        raise TypeError(
            f"log_in() needs a Redeemed, not {type(redeemed).__name__}. Look at the answer of "
            "redeem_code() first: isinstance(result, Redeemed)."
        )
    if redeemed.user is None:
        raise ValueError(
            "This code logs nobody in: its purpose needs no account. Ask for a code with "
            "purpose='login'."
        )
    _check_session(request)
    before = request.session.session_key
    user: Any = redeemed.user  # The stubs know Django's own model only.
    login(request, user, backend=backend_path())
    if request.session.session_key == before:
        # Django keeps the key of a session that is this user's already.
        request.session.cycle_key()
    _write(request, user, {VERIFIED_AT: timezone.now().timestamp(), BY_SMS: True})


def note_verified(request: HttpRequest, at: datetime | None = None) -> None:
    """Keep that this session has just proved by SMS that it has the number of its user.

    The session gets a new key: it may do more than before, and who has read the old key may not
    (OWASP Session Management Cheat Sheet, "Renew the Session ID After Any Privilege Level
    Change").

    :param at: when it was proved; now, if you give none.
    :raises ValueError: nobody is logged in, or ``at`` has no time zone.
    :raises InvalidSettings: the site has no sessions.
    """
    _check_session(request)
    if not request.user.is_authenticated:
        raise ValueError("Nobody is logged in. Call log_in() first.")
    if at is not None and timezone.is_naive(at):
        raise ValueError("at needs a time zone: pass django.utils.timezone.now().")
    request.session.cycle_key()
    _write(request, request.user, {VERIFIED_AT: (at or timezone.now()).timestamp()})


def verified_at(request: HttpRequest) -> datetime | None:
    """Return when this session last proved by SMS that it has the number of ``request.user``.

    ``None`` means never. A time is never later than now.
    """
    return _read(request, VERIFIED_AT)


def authenticated_at(request: HttpRequest) -> datetime | None:
    """Return when ``request.user`` logged in to this session, by whatever door.

    ``None`` means that it is unknown: nobody is logged in, or since before this app was
    installed. A time is never later than now.
    """
    return _read(request, AUTHENTICATED_AT)


def has_login(request: HttpRequest) -> bool:
    """Tell whether it is the session in which ``request.user`` is logged in.

    The user may have come by something else, such as basic authentication.
    """
    session, user = getattr(request, "session", None), getattr(request, "user", None)
    if session is None or user is None or not user.is_authenticated:
        return False
    return bool(session.get(SESSION_KEY) == _name(user))


def logged_in_by_sms(request: HttpRequest) -> bool:
    """Tell whether ``request.user`` logged in to this session by SMS, and by nothing else."""
    if not has_login(request):
        return False
    from .backends import SMSCodeBackend

    if _kept(request.session, request.user).get(BY_SMS):
        return True
    # A view of the site may have called login() itself.
    return isinstance(load_backend(request.session[BACKEND_SESSION_KEY]), SMSCodeBackend)


def allow_first_number(request: HttpRequest) -> None:
    """Let who is logged in add the first number of their account in this login, although
    ``GUARD_STAFF_NUMBERS`` is on."""
    _write(request, request.user, {MAY_ADD_FIRST: True})


def may_add_first_number(request: HttpRequest) -> bool:
    return has_login(request) and bool(_kept(request.session, request.user).get(MAY_ADD_FIRST))


def past_time(seconds: float) -> datetime | None:
    """Return a kept time, which is never later than now; ``None`` if it is of no use.

    :param seconds: since the epoch.
    """
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    now = timezone.now()
    return min(at, now) if at <= now + TOLERANCE else None


def keep_login_time(*, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Receive ``user_logged_in``: Django's ``login()`` has written the session just now.

    A login that gives tokens sends the signal, too, and has no session. It must not load one.
    """
    session = getattr(request, "session", None)
    if request is None or session is None or not session.modified:
        return
    if session.get(SESSION_KEY) == _name(user):
        proved_at: datetime | None = getattr(user, PROVED_AT, None)
        proof = {VERIFIED_AT: proved_at.timestamp()} if proved_at else {}
        at = timezone.now().timestamp()
        # The first number of an account is added in the login in which that was allowed.
        values = {AUTHENTICATED_AT: at, BY_SMS: bool(proof), MAY_ADD_FIRST: False}
        _write(request, user, {**values, **proof})


def _check_session(request: HttpRequest) -> None:
    if not hasattr(request, "session"):
        raise InvalidSettings(
            "The request has no session. Add 'django.contrib.sessions' to INSTALLED_APPS, and "
            "'django.contrib.sessions.middleware.SessionMiddleware' and "
            "'django.contrib.auth.middleware.AuthenticationMiddleware' to MIDDLEWARE."
        )


def backend_path() -> str:
    """Return the authentication backend by which later requests find the user.

    It is ours if the site lists it, and else the first that can: some only refuse
    (django-axes), or know permissions alone.

    :raises InvalidSettings: none can.
    """
    from .backends import SMSCodeBackend  # It imports the services, and few sites list it.

    finds_nobody = BaseBackend.get_user
    backends = {path: load_backend(path) for path in django_settings.AUTHENTICATION_BACKENDS}
    for path, backend in backends.items():
        if isinstance(backend, SMSCodeBackend):
            return path
    for path, backend in backends.items():
        if getattr(type(backend), "get_user", finds_nobody) is not finds_nobody:
            return path
    raise InvalidSettings(
        "No backend in AUTHENTICATION_BACKENDS finds a user for a session. Add "
        "'django_sms_otp.auth.backends.SMSCodeBackend'."
    )


def _write(request: HttpRequest, user: Any, values: Mapping[str, float | bool]) -> None:
    """:param values: times are seconds since the epoch."""
    kept = _kept(request.session, user) or {USER: _name(user)}
    request.session[KEY] = {**kept, **values}


def _read(request: HttpRequest, name: str) -> datetime | None:
    session, user = getattr(request, "session", None), getattr(request, "user", None)
    if session is None or user is None or not user.is_authenticated:
        return None
    kept = _kept(session, user)
    if name not in kept:
        return None
    return past_time(kept[name])


def _kept(session: SessionBase, user: Any) -> dict[str, Any]:
    """Return what the session holds of a user; nothing if it is another user's."""
    kept = session.get(KEY)
    return kept if isinstance(kept, dict) and kept.get(USER) == _name(user) else {}


def _name(user: Any) -> str:
    """Return the key of a user as Django writes it to a session."""
    return str(user._meta.pk.value_to_string(user))
