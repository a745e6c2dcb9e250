"""What a documented answer may show: codes, fields, headers. A test is to see each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .document import Node, operations


@dataclass(frozen=True)
class Shape:
    """The fields that objects of a schema may have, and the values of ``code``."""

    fields: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    codes: frozenset[str] | None = field(default=None)

    def and_(self, other: Shape) -> Shape:
        codes = other.codes if self.codes is None else self.codes
        if self.codes is not None and other.codes is not None:
            codes = self.codes & other.codes
        return Shape(self.fields | other.fields, self.required | other.required, codes)

    def or_(self, other: Shape) -> Shape:
        codes = (self.codes or frozenset()) | (other.codes or frozenset())
        return Shape(self.fields | other.fields, self.required & other.required, codes)


def shape_of(schema: Node) -> Shape:
    value: dict[str, Any] = schema.value
    fields = value.get("properties", {})
    shape = Shape(frozenset(fields), frozenset(value.get("required", ())))
    if "code" in fields:
        shape = shape.and_(Shape(codes=_words(schema / "properties" / "code")))
    if "$ref" in value:
        shape = shape.and_(shape_of(Node(value["$ref"].removeprefix("#"))))
    for index, _each in enumerate(value.get("allOf", ())):
        shape = shape.and_(shape_of(schema / "allOf" / index))
    if "anyOf" in value:
        first, *others = (shape_of(schema / "anyOf" / i) for i in range(len(value["anyOf"])))
        for other in others:
            first = first.or_(other)
        shape = shape.and_(first)
    return shape


def _words(schema: Node) -> frozenset[str] | None:
    value = schema.value
    if "const" in value:
        return frozenset({value["const"]})
    return frozenset(value["enum"]) if "enum" in value else None


def promises() -> Iterator[tuple[str, int, str]]:
    """Yield each operation with each of its statuses, codes, fields and headers."""
    for name, operation in operations().items():
        for status, response in operation.responses.items():
            yield from ((name, status, promise) for promise in promises_of(response))


def promises_of(response: Node) -> Iterator[str]:
    """Yield ``""`` for the status itself, and what an answer of it may or may not have."""
    yield ""
    for name, header in response.within("headers").items():
        if not header.value.get("required"):
            yield f"header {name}"
    for content in response.within("content").values():
        shape = shape_of(content / "schema")
        yield from (f"code {code}" for code in shape.codes or ())
        yield from (f"field {name}" for name in shape.fields - shape.required)
