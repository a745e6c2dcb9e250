"""A site's own schema, made by drf-spectacular, says the same as ``openapi.yaml``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import patched_settings
from drf_spectacular.validation import validate_schema

from django_sms_otp.api import spectacular
from django_sms_otp.auth.tokens import TokenIssuer
from django_sms_otp.testing import override_sms_otp
from tests.support.openapi import DOCUMENT, Operation, operations

VERSIONS = ["3.0.3", "3.1.0"]
IN_COOKIES = ("/refresh/", "/logout/")
LISTED = [
    each
    for each in operations().values()
    if "/webhooks/" not in each.template and each.template not in IN_COOKIES
]
"""drf-spectacular lists views of REST framework alone."""

ISSUERS = {
    "SimpleJWTIssuer": ({"SMSOTPTokenPair", "SMSOTPToken"}, set()),
    "CookieJWTIssuer": ({"SMSOTPInCookies"}, {"/refresh/", "/logout/"}),
    "SessionIssuer": ({"SMSOTPInCookies"}, {"/logout/"}),
    "DRFTokenIssuer": ({"SMSOTPToken"}, set()),
    "KnoxIssuer": ({"SMSOTPKnoxToken"}, set()),
}
"""What each yields, and which endpoints it has."""


class TaggingSchema(AutoSchema):
    """A site's own."""

    def get_operation_id(self) -> str:
        return f"site_{super().get_operation_id()}"

    def get_extensions(self) -> dict[str, Any]:
        return {"x-of-the-site": True}


class OwnIssuer(TokenIssuer):
    """Answers what only the site knows."""


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    schema_class = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
    with override_settings(REST_FRAMEWORK=schema_class):
        yield


def generate(version: str = "3.1.0", **options: Any) -> dict[str, Any]:
    """Return the schema of the site, which is to be valid and made without a warning."""
    GENERATOR_STATS.reset()
    with patched_settings({"OAS_VERSION": version, **options}):
        schema = SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS
    validate_schema(schema)
    generated: dict[str, Any] = json.loads(json.dumps(schema))
    return generated


def operation_in(schema: dict[str, Any], operation: Operation, root: str = "/auth/sms") -> Any:
    return schema["paths"][root + operation.template][operation.method.lower()]


@pytest.mark.parametrize("version", VERSIONS)
def test_all_operations_are_there_with_their_statuses(version: str) -> None:
    schema = generate(version)
    assert len(schema["paths"]) == len({each.template for each in LISTED})
    for operation in LISTED:
        found = operation_in(schema, operation)
        assert found["operationId"] == operation.name
        assert set(map(int, found["responses"])) == set(operation.responses)
        assert ("requestBody" in found) == ("requestBody" in operation.node)


@pytest.mark.parametrize("version", VERSIONS)
def test_its_schemas_have_their_fields_and_names_of_their_own(version: str) -> None:
    schemas = generate(version)["components"]["schemas"]
    for name, schema in schemas.items():
        ours = DOCUMENT["components"]["schemas"][name.removeprefix(spectacular.PREFIX)]
        assert name.startswith(spectacular.PREFIX)
        assert schema.get("properties", {}).keys() == ours.get("properties", {}).keys()
        assert schema.get("required") == ours.get("required")


def test_each_answer_names_its_codes() -> None:
    text = json.dumps(generate("3.0.3"))
    for code in DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"]:
        assert f'"{code}"' in text


def test_openapi_3_0_gets_no_word_of_3_1() -> None:
    schema = generate("3.0.3")
    number = schema["components"]["schemas"]["SMSOTPGetCodeRequest"]["properties"]["channel"]
    assert number == {
        "type": "string",
        "nullable": True,
        "description": "One of the site's `CHANNELS`.",
        "example": "sms",
    }
    text = json.dumps(schema)
    for word in ("unevaluatedProperties", '"const"', '"null"'):
        assert word not in text


def test_the_public_endpoints_need_no_login_whatever_the_site_says() -> None:
    schema = generate(SECURITY=[{"of_the_site": []}])
    assert operation_in(schema, operations()["sms_otp_get_code"])["security"] == []


@pytest.mark.urls("tests.support.sites.versioned_urls")
def test_a_parameter_of_the_sites_path_is_kept() -> None:
    found = operation_in(generate(), operations()["sms_otp_get_code"], root="/{version}/sms")
    assert [each["name"] for each in found["parameters"] if each["in"] == "path"] == ["version"]


def test_a_schema_class_of_the_site_is_kept() -> None:
    named = {"DEFAULT_SCHEMA_CLASS": f"{__name__}.TaggingSchema"}
    with override_settings(REST_FRAMEWORK=named):
        found = operation_in(generate(), operations()["sms_otp_get_code"])
    assert found["x-of-the-site"]
    assert found["operationId"] == "sms_otp_get_code"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("issuer", ISSUERS)
def test_a_login_yields_what_the_sites_issuer_yields(issuer: str, version: str) -> None:
    yields, has = ISSUERS[issuer]
    with override_sms_otp(TOKEN_ISSUER=f"django_sms_otp.auth.tokens.{issuer}"):
        schema = generate(version)
    any_of = schema["components"]["schemas"]["SMSOTPLoggedIn"]["anyOf"]
    assert {each["$ref"].rpartition("/")[2] for each in any_of} == yields
    answer = operation_in(schema, operations()["sms_otp_auth_code"])["responses"]["200"]
    examples = answer["content"]["application/json"]["examples"]
    assert {f"{spectacular.PREFIX}{name}" for name in examples} == yields
    assert {each for each in IN_COOKIES if f"/auth/sms{each}" in schema["paths"]} == has
    assert "x-issuers" not in json.dumps(schema)


@override_sms_otp(TOKEN_ISSUER=f"{__name__}.OwnIssuer")
def test_of_an_issuer_of_the_site_nothing_is_promised() -> None:
    schema = generate()["components"]["schemas"]["SMSOTPLoggedIn"]
    assert schema == {"type": "object", "additionalProperties": True}


def test_without_drf_spectacular_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, django; django.setup(); import django_sms_otp.urls;"
        "assert 'drf_spectacular' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
