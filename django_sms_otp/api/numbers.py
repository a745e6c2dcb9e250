"""``numbers/``: the numbers of who is logged in.

The answers show the caller's own numbers whole: the caller has to tell them apart, and has
proven to hold each. Guarded staff see them masked until they prove it anew. A number of
somebody else is the same as one that does not exist.
"""

from __future__ import annotations

from typing import Any

from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..auth.proofs import sees_numbers
from ..auth.users import is_guarded
from ..client import client_of, remember_device
from ..db import non_atomic
from ..results import CodeRequested, LinkedNumber, NumberRefused
from . import answers
from .authenticated import AuthenticatedView
from .serializers import GetCodeSerializer, VerifyNumberSerializer


class NumbersView(AuthenticatedView):
    """List the caller's numbers, and send a code to a new one."""

    serializer_class = GetCodeSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        user = self.account(request)
        found, is_whole = services.numbers_of(user), sees_numbers(request, user)
        return Response({"numbers": [_shown(number, is_whole=is_whole) for number in found]})

    def post(self, request: Request, **kwargs: Any) -> Response:
        outcome = services.request_link_code(
            self.proven_account(request), **self.validated(request), **client_of(request)
        )
        if isinstance(outcome, CodeRequested):
            return Response(answers.code_requested(outcome), status=202)
        return answers.refused(outcome)


class VerifyNumberView(AuthenticatedView):
    """Add a number to the caller's, or put it in the place of one."""

    serializer_class = VerifyNumberSerializer

    def post(self, request: Request, **kwargs: Any) -> Response:
        user = self.proven_account(request)
        client = client_of(request, is_new=True)
        outcome = services.link_number(user, **self.validated(request), **client)
        if isinstance(outcome, NumberRefused):
            return answers.refused(outcome)
        response = Response(_shown(outcome.number), status=201)
        remember_device(request, response, client["device"])
        return response


class NumberView(AuthenticatedView):
    """Remove one of the caller's numbers."""

    def delete(self, request: Request, number_id: str, **kwargs: Any) -> Response:
        user = self.proven_account(request)
        # Guarded staff could add no other number afterwards.
        is_forced = _is_forced(request) and not is_guarded(user)
        outcome = services.unlink_number(user, number_id, force=is_forced)
        if isinstance(outcome, NumberRefused):
            return answers.refused(outcome)
        return Response(status=204)


class MakePrimaryView(AuthenticatedView):
    """Make one of the caller's numbers the main one."""

    def post(self, request: Request, number_id: str, **kwargs: Any) -> Response:
        outcome = services.make_primary(self.proven_account(request), number_id)
        if isinstance(outcome, NumberRefused):
            return answers.refused(outcome)
        return Response({**_shown(outcome), "is_primary": True})


def _shown(number: LinkedNumber, *, is_whole: bool = True) -> dict[str, Any]:
    phone_number = number.phone_number
    return {
        "id": number.id,
        "phone_number": phone_number.e164 if is_whole else phone_number.masked,
        "is_primary": number.is_primary,
        "verified_at": number.verified_at and number.verified_at.isoformat(),
        "last_used_at": number.last_used_at and number.last_used_at.isoformat(),
    }


def _is_forced(request: Request) -> bool:
    """Return whether the caller has asked in so many words to remove the last way in."""
    return request.query_params.get("force") == "true"


numbers = non_atomic(sensitive_post_parameters()(NumbersView.as_view()))
verify_number = non_atomic(sensitive_post_parameters()(VerifyNumberView.as_view()))
number = non_atomic(sensitive_post_parameters()(NumberView.as_view()))
make_primary = non_atomic(sensitive_post_parameters()(MakePrimaryView.as_view()))
