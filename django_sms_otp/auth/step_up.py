"""Step-up: views that ask for a fresh proof by SMS.

Whoever has none is told so, in the API's shape, with the challenge of RFC 9470: the client lets
the person confirm a code, and repeats the request, with a newer token if it has tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseForbidden,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework_simplejwt import settings as simplejwt

from ..texts import text_of
from .proofs import WITHIN, authenticated_at, is_fresh, is_verified, verified_at

__all__ = [
    "SMSVerificationRequired",
    "SMSVerified",
    "SMSVerifiedMixin",
    "authenticated_at",
    "is_fresh",
    "is_verified",
    "sms_verified",
    "verified_at",
]

View = TypeVar("View", bound=Callable[..., Any])

REQUIRED, NOT_AUTHENTICATED = "sms_verification_required", "not_authenticated"

PAGE = "sms_otp_web:step-up"

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class SMSVerificationRequired(PermissionDenied):
    """The caller has to prove first, by SMS, to have their number.

    REST framework answers 403 with our body and ``WWW-Authenticate``, whatever the view.
    """

    default_code = REQUIRED

    def __init__(self, within: timedelta = WITHIN) -> None:
        super().__init__(_body(REQUIRED))
        self.auth_header = challenge(within)


class SMSVerified(BasePermission):
    """A permission of REST framework: asks for a fresh proof by SMS.

    A subclass sets :attr:`within`. In ``IsAdminUser | SMSVerified`` write it last: it raises
    what it has to say, and nothing after it is asked.
    """

    within: timedelta = WITHIN

    def has_permission(self, request: Request, view: Any) -> bool:
        """:raises SMSVerificationRequired: the caller is logged in, and has no fresh proof."""
        if not (request.user and request.user.is_authenticated):
            return False
        if not is_verified(request, within=self.within):
            raise SMSVerificationRequired(self.within)
        return True


def sms_verified(
    *, within: timedelta = WITHIN, step_up_url: str | None = None
) -> Callable[[View], View]:
    """Return a decorator that asks for a fresh proof by SMS before a view is called.

    Who is not logged in goes to the site's login first. A browser that asks for a page goes to
    the page where the person confirms a code, and from there back; any other client gets 403.
    The decorated view may be sync or async.

    :param within: how old the proof may be.
    :param step_up_url: a page of the site's own in the place of this app's, as Django's
        ``resolve_url()`` takes it. It gets ``next``, which it has to check.
    :raises TypeError: ``within`` is no ``timedelta``, or the view is one of REST framework. Of
        its ``dispatch()``, which ``method_decorator()`` decorates, each call raises it.
    """
    if not isinstance(within, timedelta):
        raise TypeError(
            f"within must be a timedelta, such as timedelta(minutes=5), not "
            f"{type(within).__name__}."
        )

    def decorate(view: View) -> View:
        _refuse_own_authentication(getattr(view, "cls", None))
        guard = _guard_async if iscoroutinefunction(view) else _guard
        guarded: Any = wraps(view)(guard(view, within, step_up_url))
        return cast("View", guarded)

    return decorate


class SMSVerifiedMixin:
    """Asks for a fresh proof by SMS before a class-based view: as :func:`sms_verified` does."""

    sms_verified_within: timedelta = WITHIN
    step_up_url: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _refuse_own_authentication(cls)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view: Any = super().dispatch  # type: ignore[misc]
        is_async = getattr(self, "view_is_async", False)
        guard = _guard_async if is_async else _guard
        guarded = guard(view, self.sms_verified_within, self.step_up_url)
        return guarded(request, *args, **kwargs)


def _refuse_early_look(view: Any, request: HttpRequest | Request) -> None:
    """:raises TypeError: a method is called before its class has authenticated the request.

    Later methods get the request of REST framework, which knows whose token it is.
    """
    if not isinstance(request, Request):
        _refuse_own_authentication(type(_owner_of(view)))


def _owner_of(view: Any) -> object:
    """Return whose method a view is, behind any decorators; ``None`` if it is a function."""
    while view is not None and not hasattr(view, "__self__"):
        inner = view.func if isinstance(view, partial) else None
        view = inner or getattr(view, "__wrapped__", None)
    return getattr(view, "__self__", None)


def _refuse_own_authentication(view: Any) -> None:
    """:raises TypeError: a class-based view authenticates by itself, as REST framework's do.

    We would look at the session, before the view has looked at a token. So the proof of one
    user could pass for that of another one.
    """
    if hasattr(view, "authentication_classes"):
        raise TypeError(
            f"{view.__name__} authenticates by itself, after this would have looked for a "
            "proof. Write permission_classes = [SMSVerified]; or put sms_verified() below "
            "api_view()."
        )


def challenge(within: timedelta) -> str:
    """Return the ``WWW-Authenticate`` that asks for a fresher proof (RFC 9470, section 3).

    It names no ``acr_values``: our tokens say by ``amr`` how their user logged in.
    """
    return (
        f'{token_scheme()} realm="api", error="insufficient_user_authentication", '
        'error_description="A fresh proof by SMS is required.", '
        f'max_age="{int(within.total_seconds())}"'
    )


def _guard(view: Any, within: timedelta, step_up_url: str | None) -> Any:
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        _refuse_early_look(view, request)
        refusal = _refusal(request, within, step_up_url)
        return view(request, *args, **kwargs) if refusal is None else refusal

    return guarded


def _guard_async(view: Any, within: timedelta, step_up_url: str | None) -> Any:
    async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        _refuse_early_look(view, request)
        # The session and its user are read from the database.
        refusal = await sync_to_async(_refusal)(request, within, step_up_url)
        return await view(request, *args, **kwargs) if refusal is None else refusal

    return guarded


def _refusal(
    request: HttpRequest, within: timedelta, step_up_url: str | None
) -> HttpResponse | None:
    """Return what to answer in the place of the view; ``None`` if the caller may go on."""
    # As the API: who does not name HTML is no browser that opens a page.
    asks_for_page = "text/html" in request.headers.get("Accept", "")
    if not request.user.is_authenticated:
        if asks_for_page:
            return redirect_to_login(_way_back(request))
        return _json(NOT_AUTHENTICATED, 401, f'{token_scheme()} realm="api"')
    if is_verified(request, within=within):
        return None
    if not asks_for_page:
        return _json(REQUIRED, 403, challenge(within))
    page = step_up_page(step_up_url)
    if page is None:
        plain = "text/plain; charset=utf-8"
        return HttpResponseForbidden(text_of(REQUIRED), content_type=plain)
    way_back = _way_back(request)
    return redirect_to_login(way_back, page) if way_back else HttpResponseRedirect(page)


def step_up_page(step_up_url: str | None) -> str | None:
    """Return the address of the page where a person confirms a code, if there is one."""
    if step_up_url is not None:
        return resolve_url(step_up_url)
    try:
        return reverse(PAGE)
    except NoReverseMatch:
        return None


def _way_back(request: HttpRequest) -> str:
    """Return where the person goes on afterwards; empty if nothing safe is known.

    A form that was sent is lost, so the person goes back to its page.
    """
    is_safe_method = request.method in SAFE_METHODS
    way = request.get_full_path() if is_safe_method else request.headers.get("Referer", "")
    # A path may begin with two slashes: to a browser that is another host.
    is_own = url_has_allowed_host_and_scheme(
        way, {request.get_host()}, require_https=request.is_secure()
    )
    return way if is_own else ""


def _json(code: str, status: int, challenge: str) -> HttpResponse:
    headers = {"WWW-Authenticate": challenge, "Cache-Control": "no-store"}
    return JsonResponse(_body(code), status=status, headers=headers)


def _body(code: str) -> dict[str, str]:
    return {"detail": text_of(code), "code": code}


def token_scheme() -> str:
    """Return the scheme that the site's tokens are sent by, such as ``Bearer``."""
    # simplejwt rebinds api_settings when they change: read them through the module.
    types: Any = simplejwt.api_settings.AUTH_HEADER_TYPES
    return str(types if isinstance(types, str) else types[0])
