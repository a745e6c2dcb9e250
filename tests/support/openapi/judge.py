"""Compares an answer, and the request that it accepts, with ``openapi.yaml``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.http import QueryDict
from django.http.multipartparser import MultiPartParser

from django_sms_otp.conf import get_settings

from .document import Node, Operation, operation_of, template_of

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

OF_THE_SITE = frozenset(
    {
        "allow",
        "connection",
        "content-length",
        "content-type",
        "cross-origin-opener-policy",
        "date",
        "referrer-policy",
        "server",
        "set-cookie",
        "vary",
        "x-content-type-options",
        "x-frame-options",
    }
)
"""Headers that Django, REST framework, a middleware or the server adds to any answer."""

METHOD_NOT_ALLOWED = Node("/components/responses/MethodNotAllowed")
LOGGED_IN = "/components/schemas/LoggedIn"


class NotAsDocumented(AssertionError):
    """An answer, or a request that was accepted, is not what openapi.yaml says."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its answer; names of ``headers`` are in lower case."""

    method: str
    path: str
    content_type: str
    body: bytes
    status: int
    headers: Mapping[str, str]
    answer: bytes

    @property
    def name(self) -> str:
        return f"{self.method} {self.path} -> {self.status} {self.answer.decode()[:300]}"


def judge(exchange: Exchange) -> None:
    """Compare with the document.

    :raises NotAsDocumented: one of the two is wrong.
    """
    if problems := list(_problems(exchange)):
        found = "".join(f"\n  - {problem}" for problem in problems)
        raise NotAsDocumented(
            f"{exchange.name}\nis not as django_sms_otp/api/openapi.yaml says:{found}\n"
            "Mend the answer, or the document and docs/api.md."
        )


def _problems(exchange: Exchange) -> Iterator[str]:
    operation = operation_of(exchange.path, exchange.method)
    if operation is None:
        yield from _problems_of_undocumented(exchange)
        return
    response = operation.responses.get(exchange.status)
    if response is None:
        yield f"{operation.name} has no answer {exchange.status}"
        return
    yield from _problems_of_headers(exchange, response)
    yield from _problems_of_body(exchange, response)
    if exchange.status < 300:
        yield from _problems_of_request(exchange, operation)


def _problems_of_undocumented(exchange: Exchange) -> Iterator[str]:
    template = template_of(exchange.path)
    if template is None:
        yield "it has no such path"
    elif exchange.status != 405:
        yield f"{template} has no {exchange.method}, which must then be answered 405"
    elif exchange.answer:
        yield from _problems_of_headers(exchange, METHOD_NOT_ALLOWED)
        yield from _problems_of_body(exchange, METHOD_NOT_ALLOWED)


def _problems_of_headers(exchange: Exchange, response: Node) -> Iterator[str]:
    documented = {name.lower(): node for name, node in response.within("headers").items()}
    for name, node in documented.items():
        if name in exchange.headers:
            for problem in (node / "schema").problems(exchange.headers[name]):
                yield f"header {name}: {problem}"
        elif node.value.get("required"):
            yield f"the header {name} is missing"
    foreign = OF_THE_SITE | {name for name in exchange.headers if name.startswith("access-")}
    if not exchange.answer:
        foreign |= {"content-language"}  # Of no text.
    for name in exchange.headers.keys() - documented.keys() - foreign:
        yield f"the header {name} is not in the document"


def _problems_of_body(exchange: Exchange, response: Node) -> Iterator[str]:
    content = response.within("content")
    if not content:
        if exchange.answer:
            yield "it documents no body"
        return
    if exchange.headers.get("content-type") != JSON:
        yield f"the body is {exchange.headers.get('content-type')}, not {JSON}"
        return
    body, schema = json.loads(exchange.answer), content[JSON] / "schema"
    if schema.pointer == LOGGED_IN:
        yield from _problems_of_login(body)
    else:
        yield from schema.problems(body)


def _problems_of_login(body: Any) -> Iterator[str]:
    module, _, issuer = get_settings().TOKEN_ISSUER.rpartition(".")
    if not module.startswith("django_sms_otp."):
        return  # An issuer of the site answers what it likes.
    schemas = [
        schema
        for _name, schema in (Node.root() / "components" / "schemas").items()
        if issuer in schema.value.get("x-issuers", ())
    ]
    if all(schema.problems(body) for schema in schemas):
        yield f"no schema with {issuer} in x-issuers takes the body"


def _problems_of_request(exchange: Exchange, operation: Operation) -> Iterator[str]:
    if "requestBody" not in operation.node:
        return
    media_type = exchange.content_type.partition(";")[0].strip().lower()
    content = (operation.node / "requestBody").within("content")
    if media_type not in content:
        yield f"it takes no {media_type}"
        return
    for problem in (content[media_type] / "schema").problems(_body(exchange, media_type)):
        yield f"the request was accepted, but {problem}"


def _body(exchange: Exchange, media_type: str) -> Any:
    if media_type == JSON:
        return json.loads(exchange.body)
    if media_type == FORM:
        return QueryDict(exchange.body, encoding="utf-8").dict()
    headers = {"CONTENT_TYPE": exchange.content_type, "CONTENT_LENGTH": len(exchange.body)}
    form, _files = MultiPartParser(headers, BytesIO(exchange.body), [], "utf-8").parse()
    return form.dict()
