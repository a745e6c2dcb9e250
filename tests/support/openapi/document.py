"""Reads ``openapi.yaml``, and says what stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import jsonschema_rs
import yaml

import django_sms_otp

FILE = Path(django_sms_otp.__file__).parent / "api" / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
NAME = "urn:openapi"
METHODS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True)
class Node:
    """A place in the document. References of OpenAPI are followed, those of schemas are not."""

    pointer: str

    @classmethod
    def root(cls) -> Self:
        return cls("")

    @property
    def value(self) -> Any:
        found: Any = DOCUMENT
        for key in self.pointer.split("/")[1:]:
            name = key.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) else found[name]
        return found

    def child(self, key: object) -> Self:
        """Return what stands here, be it a reference."""
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        return type(self)(f"{self.pointer}/{escaped}")

    def __truediv__(self, key: object) -> Self:
        child = self.child(key)
        value = child.value
        if isinstance(value, dict) and list(value) == ["$ref"]:
            return type(self)(value["$ref"].removeprefix("#"))
        return child

    def __contains__(self, key: object) -> bool:
        return key in self.value

    def items(self) -> Iterator[tuple[str, Self]]:
        for key in self.value:
            yield key, self / key

    def walk(self) -> Iterator[Self]:
        """Yield this place and all below, each once: no reference is followed."""
        yield self
        value = self.value
        if isinstance(value, dict | list):
            for key in value if isinstance(value, dict) else range(len(value)):
                yield from self.child(key).walk()

    def within(self, key: str) -> dict[str, Self]:
        """Return what stands in the mapping ``key``, if there is one."""
        return dict((self / key).items()) if key in self else {}

    def problems(self, value: object) -> list[str]:
        """Return what this schema has against a value."""
        errors = _validator(self.pointer).iter_errors(value)
        return [f"{error.message} (at {error.instance_path or 'the top'})" for error in errors]


@cache
def _validator(pointer: str) -> jsonschema_rs.Draft202012Validator:
    registry = jsonschema_rs.Registry([(NAME, DOCUMENT)])
    schema = {"$ref": f"{NAME}#{quote(pointer, safe='/~')}"}
    return jsonschema_rs.Draft202012Validator(schema, registry=registry, validate_formats=True)


@dataclass(frozen=True)
class Operation:
    template: str
    method: str
    node: Node

    @property
    def name(self) -> str:
        name: str = self.node.value["operationId"]
        return name

    @property
    def responses(self) -> dict[int, Node]:
        return {int(status): node for status, node in (self.node / "responses").items()}


@cache
def operations() -> dict[str, Operation]:
    """Return all operations by their ids."""
    found = [
        Operation(template, method.upper(), node)
        for template, item in (Node.root() / "paths").items()
        for method, node in item.items()
        if method in METHODS
    ]
    return {operation.name: operation for operation in found}


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    templates = sorted(DOCUMENT["paths"], key=_precision, reverse=True)
    return {each: re.compile(re.sub(r"\{\w+\}", "[^/]+", each) + "$") for each in templates}


def _precision(template: str) -> tuple[int, int]:
    """Rate a path of more parts, and of fewer parameters, higher."""
    return template.count("/"), -template.count("{")


def template_of(path: str) -> str | None:
    """Return the documented path that a path of a site ends in, whatever is before it."""
    return next((each for each, found in _patterns().items() if found.search(path)), None)


def operation_of(path: str, method: str) -> Operation | None:
    template = template_of(path)
    return next(
        (
            operation
            for operation in operations().values()
            if (operation.template, operation.method) == (template, method)
        ),
        None,
    )
