"""The bodies and headers of all answers. Every error has the same shape, on every site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from ..auth.step_up import SMSVerificationRequired, token_scheme
from ..results import CodeRequested, NumberRefused, RedemptionRefused, RequestRefused
from ..services.outages import wait_after
from ..texts import STATUSES, TEXTS, text_of, whole_seconds

__all__ = ["check_csrf", "code_requested", "error_response", "from_exception", "refused"]


class RequestTooLarge(exceptions.APIException):
    status_code = STATUSES["request_too_large"]
    default_detail = TEXTS["request_too_large"]
    default_code = "request_too_large"


class CrossSite(exceptions.APIException):
    status_code = STATUSES["cross_site"]
    default_detail = TEXTS["cross_site"]
    default_code = "cross_site"


class CSRFFailed(exceptions.APIException):
    status_code = STATUSES["csrf_failed"]
    default_detail = TEXTS["csrf_failed"]
    default_code = "csrf_failed"


def code_requested(outcome: CodeRequested) -> dict[str, Any]:
    return {
        "request_id": str(outcome.request_id),
        "expires_at": outcome.expires_at.isoformat(),
        "resend_available_at": outcome.resend_available_at.isoformat(),
        "code_length": outcome.code_length,
    }


def check_csrf(request: Request, check: Callable[[Request], None] | None = None) -> None:
    """:raises CSRFFailed: the request lacks Django's CSRF token, or its page is foreign.

    :param check: as an authentication looks for it, by ``enforce_csrf()``; by default as that
        of REST framework does.
    """
    try:
        (check or SessionAuthentication().enforce_csrf)(request)
    except exceptions.PermissionDenied:
        raise CSRFFailed from None


def refused(outcome: RequestRefused | RedemptionRefused | NumberRefused) -> Response:
    response = error_response(outcome.reason, retry_after=outcome.retry_after)
    if isinstance(outcome, RequestRefused) and outcome.issued:
        response.data.update(code_requested(outcome.issued))
    return response


def error_response(code: str, *, retry_after: timedelta | None = None) -> Response:
    body = {"detail": text_of(code), "code": code}
    response = Response(body, status=STATUSES.get(code, 400))
    if retry_after is not None:
        _tell_wait(response, retry_after)
    if response.status_code == 401:
        # As the views of simplejwt answer, so that a client sees one scheme.
        response["WWW-Authenticate"] = f'{token_scheme()} realm="api"'
    return response


def from_exception(error: Exception, context: Any) -> Response | None:
    """Answer an error that a view has raised; ``None`` raises it again. REST framework calls
    this as its ``EXCEPTION_HANDLER``."""
    if isinstance(error, exceptions.APIException):
        return _from_api_exception(error)
    if passing := wait_after(error):
        code, wait = passing
        return error_response(code, retry_after=wait)
    return None


def _from_api_exception(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        return _invalid_fields(error.get_full_details())
    if isinstance(error, exceptions.ParseError):
        return error_response("invalid")
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        # REST framework answers 403 if the site's first authentication is the session.
        return error_response("not_authenticated")
    if isinstance(error, exceptions.NotFound):
        return error_response("not_found")
    if isinstance(error, SMSVerificationRequired):
        response = error_response(error.default_code)
        response["WWW-Authenticate"] = error.auth_header
        return response
    body = {"detail": str(error.detail), "code": error.default_code}
    response = Response(body, status=error.status_code)
    # A site may throttle a subclass of a view. Not every throttle knows the wait.
    wait: float | None = getattr(error, "wait", None)
    if wait is not None:
        _tell_wait(response, timedelta(seconds=wait))
    return response


def _tell_wait(response: Response, wait: timedelta) -> None:
    """Say in the body, too, how long to wait: a script of another origin cannot read the
    header, unless the site exposes it."""
    response["Retry-After"] = str(whole_seconds(wait))
    response.data["retry_after"] = whole_seconds(wait)


def _invalid_fields(details: Any) -> Response:
    """Answer with the first problem as the text for the person, who knows no names of fields.
    The client finds those in ``errors``."""
    errors = {name: [item["message"] for item in items] for name, items in details.items()}
    first = next(iter(details.values()))[0]
    code = first["code"] if first["code"] in TEXTS else "invalid"
    return Response({"detail": first["message"], "code": code, "errors": errors}, status=400)
