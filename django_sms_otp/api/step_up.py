"""``step-up/``: who is logged in proves by SMS to hold a number of their account.

The proof is kept where the login is: in the session, or in new tokens. A number of somebody
else is the same as one that does not exist.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..auth.proofs import has_claims
from ..auth.sessions import has_login, note_verified, verified_at
from ..auth.tokens import get_token_issuer
from ..client import client_of, remember_device
from ..db import non_atomic
from ..results import RedemptionRefused, RequestRefused
from . import answers
from .authenticated import AuthenticatedView
from .serializers import StepUpCodeSerializer, StepUpSerializer


class OfStepUp(AuthenticatedView):
    """One of the endpoints of a step-up."""

    def account(self, request: Request) -> AbstractBaseUser:
        """Return the user who is logged in.

        :raises NotAuthenticated: besides, what the caller has come by keeps no proof: neither a
            token with claims, nor a session in which they are logged in.
        """
        if not self._keeps_proof(request):
            raise NotAuthenticated
        return super().account(request)

    def _keeps_proof(self, request: Request) -> bool:
        """Tell whether a proof would be of use: a message for nothing costs the site money."""
        if request.auth is None:
            return has_login(self.http_request)
        return has_claims(request) and get_token_issuer().keeps_proof


class StepUpCodeView(OfStepUp):
    """Send a code to one of the caller's numbers."""

    serializer_class = StepUpCodeSerializer

    def post(self, request: Request, **kwargs: Any) -> Response:
        fields = {**self.validated(request), **client_of(request)}
        outcome = services.request_step_up(self.account(request), **fields)
        if isinstance(outcome, RequestRefused):
            return answers.refused(outcome)
        number = {
            "number": outcome.number.id,
            "phone_number": outcome.number.phone_number.masked,
        }
        return Response({**answers.code_requested(outcome.code), **number}, status=202)


class StepUpView(OfStepUp):
    """Redeem the code, and keep the proof."""

    serializer_class = StepUpSerializer

    def post(self, request: Request, **kwargs: Any) -> Response:
        user, client = self.account(request), client_of(request, is_new=True)
        # What brings a token keeps the proof there.
        issuer = None if request.auth is None else get_token_issuer()
        outcome = services.confirm_step_up(
            user,
            **self.validated(request),
            grant=partial(issuer.issue, request=request) if issuer else None,
            is_login=issuer is not None,
            **client,
        )
        if isinstance(outcome, RedemptionRefused):
            return answers.refused(outcome)
        if issuer is None:
            response = self._noted_in_session()
        else:
            response = Response(outcome.granted)
            issuer.answer(response, replace(outcome, user=user), request=self.http_request)
        remember_device(self.http_request, response, client["device"])
        return response

    def _noted_in_session(self) -> Response:
        note_verified(self.http_request)
        at = verified_at(self.http_request)
        return Response({"verified_at": at and at.isoformat()})


step_up_code = non_atomic(sensitive_post_parameters()(StepUpCodeView.as_view()))
step_up = non_atomic(sensitive_post_parameters()(StepUpView.as_view()))
