"""A strict Content-Security-Policy. From Django 6.0 on, ``SECURE_CSP`` does the same."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

POLICY = "; ".join(
    [
        "default-src 'self'",
        # The style sheet of Swagger UI holds its icons.
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    ]
)

Respond = Callable[[HttpRequest], HttpResponseBase]


def content_security_policy(get_response: Respond) -> Respond:
    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        # Django's own pages about errors have their style in them.
        if not (settings.DEBUG and response.status_code in {404, 500}):
            response.headers["Content-Security-Policy"] = POLICY
        return response

    return respond
