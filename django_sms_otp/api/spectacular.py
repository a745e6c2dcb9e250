"""Has drf-spectacular say of our endpoints what ``openapi.yaml`` says.

Importing this registers it. ``apps.py`` does so if the site has drf-spectacular installed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.types import OpenApiTypes

from ..auth.tokens import TokenIssuer, get_token_issuer

__all__ = ["SMSOTPViewExtension"]

FILE = Path(__file__).with_name("openapi.yaml")

PREFIX = "SMSOTP"
"""Our schemas are named so in a site's document, which may have an ``Error`` of its own."""

LOGGED_IN, STEPPED_UP = "LoggedIn", "SteppedUp"
"""What a login and a step-up yield. The examples of a login have the names of its schemas."""

OF_ISSUERS = {"/refresh/": "refresh", "/logout/": "log_out"}
"""The endpoints that an issuer has or has not, by the method that it then overrides."""

ONLY_IN_3_1 = ("examples", "unevaluatedProperties", "dependentRequired")
"""Keys of schemas."""


class SMSOTPViewExtension(OpenApiViewExtension):
    target_class = "django_sms_otp.api.views.SMSOTPView"
    match_subclasses = True

    def view_replacement(self) -> type[Any]:
        # The site's own class for schemas: it may know more of parameters and security.
        bases = (_Documented, type(self.target.schema))
        schema = type("DocumentedSchema", bases, {})()
        return type(self.target.__name__, (self.target,), {"schema": schema})


class _Documented(AutoSchema):
    """Takes from the site what only it knows: the path, its parameters, and security."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> dict[str, Any] | None:
        operation = super().get_operation(path, path_regex, path_prefix, method, registry)
        documented = documented_operation(path, method)
        if operation is None or documented is None:
            return operation
        ours = _Copy(registry).of(documented)
        if ours["security"]:
            del ours["security"]  # Of several ways to log in, the site has some.
        of_path = [each for each in operation.get("parameters", ()) if each["in"] == "path"]
        others = [each for each in ours.get("parameters", ()) if each["in"] != "path"]
        return {**operation, **ours, "parameters": of_path + others}

    def is_excluded(self) -> bool:
        issuer = type(get_token_issuer())
        return super().is_excluded() or any(
            self.path.endswith(path) and getattr(issuer, name) is getattr(TokenIssuer, name)
            for path, name in OF_ISSUERS.items()
        )

    # Ours replaces both. Reading the serializers would leave their names in the document.
    def get_request_serializer(self) -> Any:
        return OpenApiTypes.NONE

    def get_response_serializers(self) -> Any:
        return OpenApiTypes.NONE


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def documented_operation(path: str, method: str) -> dict[str, Any] | None:
    """Return the operation of the documented path of most parts that ``path`` ends in."""
    paths = document()["paths"]
    for template in sorted(paths, key=lambda each: each.count("/"), reverse=True):
        if re.search(re.sub(r"\{\w+\}", r"\\{\\w+\\}", template) + "$", path):
            operation: dict[str, Any] | None = paths[template].get(method.lower())
            return operation
    return None


class _Copy:
    """Copies parts of our document into a site's, with the schemas that they refer to."""

    def __init__(self, registry: ComponentRegistry) -> None:
        self.registry = registry
        self.is_3_0 = spectacular_settings.OAS_VERSION.startswith("3.0")

    def of(self, part: Any) -> Any:
        if isinstance(part, list):
            return [self.of(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return self._of_reference(part)
        if part.get("schema") == {"$ref": f"#/components/schemas/{LOGGED_IN}"}:
            names = _schemas_of_issuer()
            examples = {key: part["examples"][key] for key in names}
            part = {"schema": part["schema"], **({"examples": examples} if examples else {})}
        return {
            key: self._of_schema(value) if key == "schema" else self.of(value)
            for key, value in part.items()
        }

    def _of_reference(self, part: Mapping[str, Any]) -> Any:
        """Put in what is referred to."""
        _, _, kind, name = part["$ref"].split("/")
        return self.of(document()["components"][kind][name])

    def _of_schema(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return [self._of_schema(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        copied = {
            key: self._of_schema(value) for key, value in schema.items() if key != "x-issuers"
        }
        if "$ref" in copied:
            copied["$ref"] = self._registered(copied["$ref"].rpartition("/")[2])
        return _in_3_0(copied) if self.is_3_0 else copied

    def _registered(self, name: str) -> str:
        component = ResolvedComponent(
            name=PREFIX + name, type=ResolvedComponent.SCHEMA, object=SMSOTPViewExtension
        )
        if component not in self.registry:
            component.schema = self._of_schema(_schema(name))
            self.registry.register(component)
        return f"#/components/schemas/{component.name}"


def _schema(name: str) -> dict[str, Any]:
    schemas = document()["components"]["schemas"]
    schema: dict[str, Any] = schemas[name]
    if name not in {LOGGED_IN, STEPPED_UP}:
        return schema
    listed = {each["$ref"].rpartition("/")[2] for each in schema["anyOf"]}
    answered = [each for each in _schemas_of_issuer() if each in listed]
    if not answered:
        # Only the site knows what its issuer answers.
        return {"type": "object", "additionalProperties": True}
    return {"anyOf": [{"$ref": f"#/components/schemas/{each}"} for each in answered]}


def _schemas_of_issuer() -> list[str]:
    """Return the names of what the site's issuer answers, if it is one of ours."""
    issuer = type(get_token_issuer())
    if issuer.__module__.partition(".")[0] != "django_sms_otp":
        return []
    schemas = document()["components"]["schemas"].items()
    return [name for name, schema in schemas if issuer.__name__ in schema.get("x-issuers", ())]


def _in_3_0(schema: dict[str, Any]) -> dict[str, Any]:
    """Say the same in the words of OpenAPI 3.0, which has fewer."""
    said = {key: value for key, value in schema.items() if key not in ONLY_IN_3_1}
    if "const" in said:
        said["enum"] = [said.pop("const")]
    if isinstance(said.get("type"), list):
        said |= {"type": schema["type"][0], "nullable": True}
    if isinstance(schema.get("examples"), list):
        said["example"] = schema["examples"][0]
    if "$ref" in said and len(said) > 1:
        said["allOf"] = [{"$ref": said.pop("$ref")}]
    return said
