"""Django sessions: logs in the holder of a redeemed code, and keeps when a session proved what.

A session holds when it logged in, by whatever door, whether that was by SMS, and when it last
proved by SMS that it has the person's number. ``user.last_login`` does not tell: another
session moves it.

Who has logged in by SMS must not pass for somebody who knows a password. So a session says so
of its user until a login is certain, and nothing is concluded from a signal: whatever gives
tokens sends ``user_logged_in``, too, and the caller may bring the cookie of any session.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY, load_backend, login
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone

from ..exceptions import InvalidSettings
from ..results import Redeemed
from .session_record import (
    AUTHENTICATED_AT,
    BY_SMS,
    MAY_ADD_FIRST,
    VERIFIED_AT,
    kept,
    name_of,
    read_time,
    user_of,
    write,
    write_login,
)

__all__ = [
    "authenticated_at",
    "has_login",
    "log_in",
    "logged_in_by_sms",
    "note_verified",
    "verified_at",
]

PROVED_AT = "sms_otp_proved_at"
"""What ``SMSCodeBackend`` writes to the user whom it returns, as Django does ``backend``: that
user is logged in next."""

EXPECTS_LOGIN = "sms_otp_expects_login"
"""What :func:`expected_login` writes to a request."""


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
    now = timezone.now()
    setattr(user, PROVED_AT, now)
    login(request, user, backend=backend_path())
    if request.session.session_key == before:
        # Django keeps the key of a session that is this user's already.
        request.session.cycle_key()
    # Whether or not the signal has reached us.
    write_login(request, user, now)


def note_verified(request: HttpRequest, at: datetime | None = None) -> None:
    """Keep that this session has just proved by SMS that it has the number of its user.

    The session gets a new key: it may do more than before, and who has read the old key may not
    (OWASP Session Management Cheat Sheet, "Renew the Session ID After Any Privilege Level
    Change").

    :param at: when it was proved; now, if you give none.
    :raises ValueError: nobody is logged in, the session is that of somebody else, or ``at`` has
        no time zone.
    :raises InvalidSettings: the site has no sessions.
    """
    _check_session(request)
    if not request.user.is_authenticated:
        raise ValueError("Nobody is logged in. Call log_in() first.")
    if request.session.get(SESSION_KEY, name_of(request.user)) != name_of(request.user):
        raise ValueError("The session is not that of request.user. Ask has_login() first.")
    if at is not None and timezone.is_naive(at):
        raise ValueError("at needs a time zone: pass django.utils.timezone.now().")
    request.session.cycle_key()
    write(request, request.user, {VERIFIED_AT: (at or timezone.now()).timestamp()})


def verified_at(request: HttpRequest) -> datetime | None:
    """Return when this session last proved by SMS that it has the number of ``request.user``.

    ``None`` means never. A time is never later than now.
    """
    return read_time(request, VERIFIED_AT)


def authenticated_at(request: HttpRequest) -> datetime | None:
    """Return when ``request.user`` logged in to this session, by whatever door.

    ``None`` means that it is unknown: nobody is logged in, or since before this app was
    installed. A time is never later than now. Django's ``login()`` leaves the session of who is
    logged in as it is, so a second login by it moves no time.
    """
    return read_time(request, AUTHENTICATED_AT)


def has_login(request: HttpRequest) -> bool:
    """Tell whether it is the session in which ``request.user`` is logged in.

    The user may have come by something else, such as basic authentication.
    """
    session, user = getattr(request, "session", None), user_of(request)
    if session is None or user is None:
        return False
    return bool(session.get(SESSION_KEY) == name_of(user))


def logged_in_by_sms(request: HttpRequest) -> bool:
    """Tell whether ``request.user`` logged in to this session by SMS, and by nothing else."""
    if not has_login(request):
        return False
    from .backends import SMSCodeBackend

    if kept(request.session, request.user).get(BY_SMS):
        return True
    # A view of the site may have called login() itself.
    return isinstance(load_backend(request.session[BACKEND_SESSION_KEY]), SMSCodeBackend)


def allow_first_number(request: HttpRequest) -> None:
    """Let who is logged in add the first number of their account in this login, although
    ``GUARD_STAFF_NUMBERS`` is on."""
    write(request, request.user, {MAY_ADD_FIRST: True})


def may_add_first_number(request: HttpRequest) -> bool:
    return has_login(request) and bool(kept(request.session, request.user).get(MAY_ADD_FIRST))


@contextmanager
def expected_login(request: HttpRequest) -> Iterator[None]:
    """Take the next ``user_logged_in`` of a request for a login to its session.

    It is for who calls nothing inside but a view that asks for credentials, and calls Django's
    ``login()`` for the right ones: that leaves no trace in a session of the same user.
    """
    setattr(request, EXPECTS_LOGIN, True)
    try:
        yield
    finally:
        delattr(request, EXPECTS_LOGIN)


def keep_login_time(*, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Receive ``user_logged_in``: somebody has logged in, perhaps to the session.

    A login that gives tokens sends the signal, too, and has no session. It must not load one.
    """
    session = getattr(request, "session", None)
    if request is None or session is None or not session.modified:
        return
    if session.get(SESSION_KEY) != name_of(user):
        return
    proved_at: datetime | None = getattr(user, PROVED_AT, None)
    if proved_at:
        delattr(user, PROVED_AT)  # One code is one login.
    if proved_at or getattr(request, EXPECTS_LOGIN, False) or _is_new(request, user):
        write_login(request, user, proved_at)


def _is_new(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Tell whether the session has become that of a user in this request.

    Django's ``login()`` empties the session of anybody else, and gives that of nobody a new
    key. A session that was the user's before is as it was, so nothing tells that it was called:
    a new key alone does not, which comes with a new ``SECRET_KEY``, too.
    """
    if kept(request.session, user):
        return False
    cookie = request.COOKIES.get(django_settings.SESSION_COOKIE_NAME)
    before = type(request.session)(cookie)
    was_theirs = before.get(SESSION_KEY) == name_of(user)
    # What was kept and is not any more was emptied. Signed cookies last after that.
    return not was_theirs or bool(kept(before, user))


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
