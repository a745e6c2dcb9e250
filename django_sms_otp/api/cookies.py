"""``refresh`` and ``logout``, for issuers that keep a login in cookies."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from ..auth.tokens import get_token_issuer
from ..db import non_atomic
from . import answers
from .views import SMSOTPView


class CookieView(SMSOTPView):
    """An endpoint without a body, which an issuer has that keeps a login in cookies."""

    serializer_class = Serializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.issuer = get_token_issuer()
        if request.method == "POST" and self.issuer.sets_cookies:
            # A page of another host of the same domain is no page of this site.
            answers.check_csrf(request)


class RefreshView(CookieView):
    """Renew a login."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        response = Response(None, status=204)
        self.issuer.refresh(response, request=self.http_request)
        return response


class LogoutView(CookieView):
    """End a login."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        response = Response(None, status=204)
        self.issuer.log_out(response, request=self.http_request)
        return response


refresh = non_atomic(RefreshView.as_view())
logout = non_atomic(LogoutView.as_view())
