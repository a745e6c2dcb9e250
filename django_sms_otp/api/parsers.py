"""Parsers that read no more of a body than a request needs, whatever its headers announce.

``Content-Length`` bounds nothing: an ASGI server hands on a chunked body that is longer.

The texts of a body are masked in reports of errors: many tools put ``request.data`` there.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, ClassVar

from django.http import QueryDict
from rest_framework import parsers

from ..masked import MaskedBytes, MaskedText
from .answers import RequestTooLarge

__all__ = ["LARGEST_BODY", "BoundedFormParser", "BoundedJSONParser", "BoundedMultiPartParser"]

LARGEST_BODY = 16 * 1024
"""Bytes. A request has some hundreds."""


class _BoundedParser(parsers.BaseParser):
    # Not a subclass of the parser that it calls: REST framework reads the whole body into
    # memory for subclasses of JSONParser and FormParser.
    inner: ClassVar[type[parsers.BaseParser]]

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body.

        :raises RequestTooLarge: it is longer than ``LARGEST_BODY``.
        """
        body = MaskedBytes(stream.read(LARGEST_BODY + 1))
        if len(body) > LARGEST_BODY:
            raise RequestTooLarge
        if not body:
            # As REST framework does if the length says so.
            return {}
        parsed = self.inner().parse(BytesIO(body), media_type, parser_context)
        if isinstance(parsed, parsers.DataAndFiles):
            return parsers.DataAndFiles(_masked(parsed.data), parsed.files)
        return _masked(parsed)


class BoundedJSONParser(_BoundedParser):
    media_type = parsers.JSONParser.media_type
    renderer_class = parsers.JSONParser.renderer_class
    inner = parsers.JSONParser


class BoundedFormParser(_BoundedParser):
    media_type = parsers.FormParser.media_type
    inner = parsers.FormParser


class BoundedMultiPartParser(_BoundedParser):
    media_type = parsers.MultiPartParser.media_type
    inner = parsers.MultiPartParser


def _masked(data: Any) -> Any:
    """Return the same data with masked texts."""
    match data:
        case QueryDict():
            form = QueryDict(mutable=True, encoding=data.encoding)
            for name, values in data.lists():
                form.setlist(name, [MaskedText(value) for value in values])
            return form
        case dict():
            return {name: _masked(value) for name, value in data.items()}
        case list():
            return [_masked(value) for value in data]
        case str():
            return MaskedText(data)
    return data
