"""What a session holds of a login and of a proof by SMS: one record, of one user.

The record belongs to that user. Where the request is another user's, there is none: Django
keeps what an anonymous session held when somebody logs in, and a request with a token may carry
a cookie of somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone

__all__ = [
    "AUTHENTICATED_AT",
    "BY_SMS",
    "KEY",
    "MAY_ADD_FIRST",
    "VERIFIED_AT",
    "kept",
    "name_of",
    "past_time",
    "read_time",
    "user_of",
    "write",
    "write_login",
]

KEY = "_sms_otp"
USER, AUTHENTICATED_AT, VERIFIED_AT = "user", "authenticated_at", "verified_at"
BY_SMS, MAY_ADD_FIRST = "by_sms", "may_add_first_number"

TOLERANCE = timedelta(minutes=1)
"""How far the clocks of a site's hosts may be apart. A time that is further ahead was written
before a clock stepped back: it would stay fresh for too long, so it counts as no time."""


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


def write_login(request: HttpRequest, user: Any, proved_at: datetime | None) -> None:
    """Keep a login.

    :param proved_at: when it was proved by SMS; ``None`` if it was by another door.
    """
    at = (proved_at or timezone.now()).timestamp()
    proof = {VERIFIED_AT: at} if proved_at else {}
    # The first number of an account is added in the login in which that was allowed.
    values = {AUTHENTICATED_AT: at, BY_SMS: bool(proof), MAY_ADD_FIRST: False}
    write(request, user, {**values, **proof})


def write(request: HttpRequest, user: Any, values: Mapping[str, float | bool]) -> None:
    """:param values: times are seconds since the epoch."""
    before = kept(request.session, user) or {USER: name_of(user)}
    request.session[KEY] = {**before, **values}


def read_time(request: HttpRequest, name: str) -> datetime | None:
    session, user = getattr(request, "session", None), user_of(request)
    if session is None or user is None:
        return None
    seconds = kept(session, user).get(name)
    return None if seconds is None else past_time(seconds)


def user_of(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who is logged in; ``None`` if nobody is, or if a token alone says who."""
    user = getattr(request, "user", None)
    is_account = isinstance(user, AbstractBaseUser) and user.is_authenticated
    return user if is_account else None


def kept(session: SessionBase, user: Any) -> dict[str, Any]:
    """Return what the session holds of a user; nothing if it is another user's."""
    found = session.get(KEY)
    return found if isinstance(found, dict) and found.get(USER) == name_of(user) else {}


def name_of(user: Any) -> str:
    """Return the key of a user as Django writes it to a session."""
    return str(user._meta.pk.value_to_string(user))
