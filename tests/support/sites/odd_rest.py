"""Pieces that a site may name in ``REST_FRAMEWORK``, each of them unlike the stock one."""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback


class NoNegotiation(BaseContentNegotiation):
    def select_parser(self, request: Any, parsers: Any) -> Any:
        raise AssertionError("The site's negotiation was asked.")

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        raise AssertionError("The site's negotiation was asked.")


class NoParser(BaseParser):
    media_type = "*/*"

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("The site's parser was asked.")


class ShoutingRenderer(BaseRenderer):
    media_type = "*/*"
    format = "shout"

    def render(self, *args: Any, **kwargs: Any) -> bytes:
        return b"SHOUT"


def handle_exception(error: Exception, context: Any) -> Response:
    """Answer all errors alike, and roll back as REST framework's own handler does."""
    set_rollback()
    return Response({"error": {"message": str(error)}}, status=418)
