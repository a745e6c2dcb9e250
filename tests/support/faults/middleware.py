"""Where a request begins, and where its answer is about to leave."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from .points import begin_request, reached


def fault_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        begin_request()
        response = get_response(request)
        reached("answer")
        return response

    return middleware
