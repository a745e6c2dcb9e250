"""``get-code`` and ``auth-code``: validate, call the service, answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework import exceptions
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from ..auth.logins import announce_login, announce_refusal, is_locked_out
from ..auth.tokens import TokenIssuer, get_token_issuer
from ..client import Client, client_of, is_cross_site, remember_device
from ..db import non_atomic
from ..results import CodeRequested, Redeemed, RedemptionRefused
from ..services import redeem_code, request_code
from . import answers
from .parsers import (
    LARGEST_BODY,
    BoundedFormParser,
    BoundedJSONParser,
    BoundedMultiPartParser,
)
from .serializers import AuthCodeSerializer, GetCodeSerializer

Outcome = Redeemed[dict[str, Any]] | RedemptionRefused


class JSONByDefault(DefaultContentNegotiation):
    """Answers JSON, except to a client that asks for HTML: no login fails by a header."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        asks_for_html = (
            "text/html" in request.META.get("HTTP_ACCEPT", "")
            or request.query_params.get(api_settings.URL_FORMAT_OVERRIDE) == "api"
        )
        renderer = renderers[-1] if asks_for_html else renderers[0]
        return renderer, renderer.media_type


class SMSOTPView(GenericAPIView[Any]):
    """Pins every policy: the defaults of a site are for its own endpoints."""

    authentication_classes = ()
    permission_classes: Sequence[Any] = ()
    throttle_classes = ()
    parser_classes = (BoundedJSONParser, BoundedFormParser, BoundedMultiPartParser)
    content_negotiation_class = JSONByDefault
    versioning_class = None

    def get_renderers(self) -> list[BaseRenderer]:
        """Return JSON; and the browsable API if the site has it."""
        defaults: Any = api_settings.DEFAULT_RENDERER_CLASSES
        if BrowsableAPIRenderer in defaults and apps.is_installed("rest_framework"):
            return [JSONRenderer(), BrowsableAPIRenderer()]
        return [JSONRenderer()]

    def get_exception_handler(self) -> Any:
        """Return ours. A handler of the site answers in another shape, and the one of REST
        framework rolls back."""
        return answers.from_exception

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # JSON is UTF-8 (RFC 8259, 8.1). Any other charset of the client, such as "hex", would
        # choose one of Python's codecs.
        if (request.encoding or django_settings.DEFAULT_CHARSET) != "utf-8":
            request.encoding = "utf-8"
        # REST framework reads no body that says no length. Over ASGI a chunked one need not say
        # it. How long the body is, the parsers see.
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            request.META["CONTENT_LENGTH"] = str(LARGEST_BODY)
        self.http_request = request
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and is_cross_site(self.http_request):
            raise answers.CrossSite

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response["Cache-Control"] = "no-store"
        return super().finalize_response(request, response, *args, **kwargs)

    def validated(self, request: Request) -> dict[str, Any]:
        """Return the fields of the body.

        :raises APIException: the serializer does not take them.
        """
        # Before the type of the body is looked at. Of a body that is longer than it says, the
        # parsers read no more.
        if _content_length(request) > LARGEST_BODY:
            raise answers.RequestTooLarge
        try:
            serializer = self.get_serializer(data=request.data)
        except (SuspiciousOperation, RecursionError) as error:
            # Django refuses so many fields, or Python so deep a nesting.
            raise exceptions.ParseError from error
        serializer.is_valid(raise_exception=True)
        fields: dict[str, Any] = serializer.validated_data
        return fields


class GetCodeView(SMSOTPView):
    """Send a login code to a phone number."""

    serializer_class = GetCodeSerializer

    def post(self, request: Request, **kwargs: Any) -> Response:
        outcome = request_code(**self.validated(request), **client_of(request))
        if isinstance(outcome, CodeRequested):
            return Response(answers.code_requested(outcome), status=202)
        return answers.refused(outcome)


class AuthCodeView(SMSOTPView):
    """Log in with a code."""

    serializer_class = AuthCodeSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "POST" or not get_token_issuer().sets_cookies:
            return
        # Another host of the domain can set no cookie of ours, and may not have us set those of
        # a login of its own.
        if is_cross_site(self.http_request, takes_own_domain=False):
            raise answers.CrossSite

    def post(self, request: Request, **kwargs: Any) -> Response:
        fields = self.validated(request)
        issuer = get_token_issuer()
        client = client_of(request, is_new=True)
        outcome = self._redeem(fields, issuer, request, client)
        if isinstance(outcome, Redeemed):
            return self._logged_in(outcome, issuer, client["device"])
        issuer.login_failed(_credentials(fields), request=request)
        announce_refusal(fields.get("phone_number"), self.http_request)
        return answers.refused(outcome)

    def _redeem(
        self, fields: dict[str, Any], issuer: TokenIssuer, request: Request, client: Client
    ) -> Outcome:
        # Before the guess: what locks a client out must not tell what the guess was worth.
        if is_locked_out(fields.get("phone_number"), self.http_request):
            return RedemptionRefused(reason="too_many_attempts")
        issue = partial(issuer.issue, request=request)
        return redeem_code(
            **fields,
            grant=issue,
            grant_to_new=partial(issue, registered=True),
            grant_writes=issuer.writes,
            **client,
        )

    def _logged_in(
        self, redeemed: Redeemed[dict[str, Any]], issuer: TokenIssuer, device: str | None
    ) -> Response:
        request = self.http_request
        if redeemed.user is not None and not issuer.sends_user_logged_in:
            announce_login(redeemed.user, request)
        response = Response(redeemed.granted)
        issuer.answer(response, redeemed, request=request)
        remember_device(request, response, device)
        return response


def _content_length(request: Request) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _credentials(fields: dict[str, Any]) -> dict[str, str]:
    phone_number = fields.get("phone_number")
    return {"phone_number": phone_number.e164} if phone_number else {}


get_code = non_atomic(sensitive_post_parameters()(GetCodeView.as_view()))
auth_code = non_atomic(sensitive_post_parameters()(AuthCodeView.as_view()))
