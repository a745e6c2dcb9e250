"""``get-code`` and ``auth-code``: validate, ask the service, answer."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, cast

from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework import exceptions
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from ..auth.tokens import get_token_issuer
from ..client import device_of, ip_address_of, new_device, remember_device
from ..db.transactions import non_atomic
from ..exceptions import Contention, Unavailable
from ..results import CodeRequested, Redeemed
from ..services import redeem_code, request_code
from . import answers
from .outages import is_outage, log_outage
from .serializers import AuthCodeSerializer, GetCodeSerializer

ANY_OR_JSON = frozenset({"*/*", "application/json", "application/json, text/plain, */*"})
"""What programs accept, who need no negotiation."""

LARGEST_BODY = 16 * 1024
"""Bytes. REST framework's JSON parser reads a body of any size into memory."""


class ForgivingNegotiation(DefaultContentNegotiation):
    """Answers in JSON whatever the client asks for: a login is not to fail by a header."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        meta = request.META
        if meta.get("HTTP_ACCEPT", "*/*") in ANY_OR_JSON and not meta.get("QUERY_STRING"):
            return renderers[0], renderers[0].media_type
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except (exceptions.NotAcceptable, Http404):
            return renderers[0], renderers[0].media_type


class SMSOTPView(GenericAPIView[Any]):
    """Pins every policy that a site may have set otherwise for its own endpoints."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = (JSONParser, FormParser, MultiPartParser)
    content_negotiation_class = ForgivingNegotiation
    versioning_class = None

    def get_renderers(self) -> list[BaseRenderer]:
        """JSON; and the browsable API where the site has it."""
        renderers: list[BaseRenderer] = [JSONRenderer()]
        site_has_it = BrowsableAPIRenderer in list[Any](api_settings.DEFAULT_RENDERER_CLASSES)
        if site_has_it and apps.is_installed("rest_framework"):
            renderers.append(BrowsableAPIRenderer())
        return renderers

    def get_exception_handler(self) -> Any:
        """Ours: the site's has a shape of its own, and REST framework's rolls back."""
        return _handle

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # RFC 8259, 8.1. A charset of the client's choice ("hex") would reach Python's codecs.
        if (request.encoding or django_settings.DEFAULT_CHARSET) != "utf-8":
            request.encoding = "utf-8"
        return super().initialize_request(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Do nothing: nobody is logged in yet, as ``request.user`` tells who asks."""

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response["Cache-Control"] = "no-store"
        return super().finalize_response(request, response, *args, **kwargs)

    def validated(self, request: Request) -> dict[str, Any]:
        """Return the fields of the body.

        :raises APIException: they are not what the serializer takes.
        """
        if _content_length(request) > LARGEST_BODY:
            raise RequestTooLarge
        try:
            data = request.data
        except (SuspiciousOperation, RecursionError) as error:
            # More fields, or deeper nesting, than Django or Python take.
            raise exceptions.ParseError from error
        if data is None:
            raise exceptions.ParseError
        fields: dict[str, Any] = _shared(
            cast("Hashable", self.serializer_class)
        ).run_validation(data)
        return fields


class GetCodeView(SMSOTPView):
    """Send a login code to a phone number."""

    serializer_class = GetCodeSerializer

    def post(self, request: Request, **kwargs: Any) -> Response:
        fields = self.validated(request)
        outcome = request_code(
            fields["phone_number"],
            channel=fields.get("channel"),
            request_id=fields.get("request_id"),
            ip_address=ip_address_of(request),
            device=device_of(request),
            challenge=fields.get("challenge"),
        )
        if isinstance(outcome, CodeRequested):
            return Response(answers.code_requested(outcome), status=202)
        return answers.refused(outcome)


class AuthCodeView(SMSOTPView):
    """Log in with a code."""

    serializer_class = AuthCodeSerializer

    @sensitive_variables("fields")
    def post(self, request: Request, **kwargs: Any) -> Response:
        fields = self.validated(request)
        issuer = get_token_issuer()
        device = device_of(request) or new_device()
        outcome = redeem_code(
            fields["code"],
            phone_number=fields.get("phone_number"),
            request_id=fields.get("request_id"),
            grant=lambda user: issuer.issue(user, request=request),
            grant_writes=issuer.writes(),
            ip_address=ip_address_of(request),
            device=device,
        )
        if isinstance(outcome, Redeemed):
            response = Response(outcome.granted)
            remember_device(request, response, device)
            return response
        issuer.login_failed(_credentials(fields), request=request)
        return answers.refused(outcome)


@cache
def _shared(serializer_class: Any) -> Any:
    """Return one serializer for all requests: a new one copies all of its fields. Validation
    leaves nothing behind in it."""
    return serializer_class()


class RequestTooLarge(exceptions.APIException):
    status_code = 413
    default_detail = answers.TEXTS["request_too_large"]
    default_code = "request_too_large"


def _handle(error: Exception, context: Any) -> Response | None:
    if isinstance(error, Contention):
        return answers.error_response("busy", retry_after=answers.BUSY_WAIT)
    if isinstance(error, Unavailable):
        return answers.error_response("unavailable", retry_after=error.retry_after)
    if is_outage(error):
        log_outage(error)
        return answers.error_response("unavailable", retry_after=answers.OUTAGE_WAIT)
    if isinstance(error, exceptions.APIException):
        return answers.from_exception(error)
    return None


def _content_length(request: Request) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _credentials(fields: dict[str, Any]) -> dict[str, str]:
    phone_number = fields.get("phone_number")
    return {"phone_number": phone_number.e164} if phone_number else {}


get_code = non_atomic(GetCodeView.as_view())
auth_code = non_atomic(sensitive_post_parameters("code")(AuthCodeView.as_view()))
