"""``openapi.yaml`` and the API say the same. Every other test of the API helps: each answer
that a test client sees is compared with the document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern
from drf_spectacular.validation import validate_schema
from rest_framework.views import APIView

from django_sms_otp import urls
from django_sms_otp.texts import TEXTS
from tests.support.openapi import DOCUMENT, FILE, Exchange, Node, NotAsDocumented, judge
from tests.support.openapi.document import METHODS, operations
from tests.support.openapi.promises import promises, promises_of

from .promised import CASES, Case, Site
from .promised.base import GOOD, shown_by

# The document -------------------------------------------------------------------------------


def test_the_document_is_one_of_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    validate_schema(DOCUMENT)


def test_its_references_lead_somewhere() -> None:
    for node in Node.root().walk():
        if isinstance(node.value, dict) and isinstance(
            reference := node.value.get("$ref"), str
        ):
            assert Node(reference.removeprefix("#")).value is not None


def test_all_its_parts_are_used() -> None:
    text = FILE.read_text(encoding="utf-8")
    parts = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        for name in named
        if kind != "securitySchemes"
    }
    apart = {"#/components/responses/MethodNotAllowed"}
    assert {part for part in parts - apart if f'"{part}"' not in text} == set()


def test_its_examples_are_as_its_schemas_say() -> None:
    count = 0
    for node in Node.root().walk():
        value = node.value
        if not (isinstance(value, dict) and "schema" in value and "examples" in value):
            continue
        for name, example in (node / "examples").items():
            assert not (node / "schema").problems(example.value["value"]), (node, name)
            count += 1
    assert count > len(TEXTS)


def test_each_code_of_an_answer_has_its_example() -> None:
    for operation in operations().values():
        for status, response in operation.responses.items():
            content = response.within("content")
            if not content:
                continue
            codes = {p.removeprefix("code ") for p in promises_of(response) if "code " in p}
            examples = (content["application/json"] / "examples").items()
            shown = {each.value["value"].get("code") for _name, each in examples} - {None}
            assert shown == codes, (operation.name, status)


def test_its_texts_are_those_of_the_app() -> None:
    for name, example in DOCUMENT["components"]["examples"].items():
        code = example["value"].get("code")
        if code in TEXTS:
            assert example["value"]["detail"] == str(TEXTS[code]), name


def test_its_codes_are_those_of_its_answers() -> None:
    codes = DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"]
    answered = {what.removeprefix("code ") for _, _, what in promises() if "code " in what}
    assert codes == sorted(answered | {"method_not_allowed"})


def test_the_page_of_the_api_has_it() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
    assert page.read_bytes() == FILE.read_bytes()


# Its operations and the routes ----------------------------------------------------------------


def routes() -> set[tuple[str, str]]:
    found = set()
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{pattern.pattern}")
        view = getattr(pattern.callback, "cls", None)
        if view is None:
            found.add(("POST", route.replace("{gateway}", "twilio")))
            continue
        assert issubclass(view, APIView)
        found |= {(name.upper(), route) for name in METHODS if hasattr(view, name)}
    return found


def test_every_route_is_in_it_and_nothing_else() -> None:
    documented = {(each.method, each.template) for each in operations().values()}
    assert documented == routes()


# Its answers ----------------------------------------------------------------------------------


@pytest.fixture
def site(client: Client, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(client, settings, monkeypatch)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_case_is_answered_as_documented(case: Case, site: Site) -> None:
    answer = case.request(site)  # The client judges it.
    assert answer.status_code == case.status
    assert case.shows <= shown_by(answer)
    if answer.content:
        assert answer.headers["Content-Language"] == "en"


def test_every_promise_of_the_document_has_its_case() -> None:
    """A status, code, optional field or header that nobody has seen may not be true."""
    seen = {(case.operation, case.status, what) for case in CASES for what in case.shows}
    seen |= {(case.operation, case.status, "") for case in CASES}
    documented = {each for each in promises() if each[2] != "header Content-Language"}
    missing = sorted(map(str, documented - seen))
    assert not missing, "Write their cases in tests/api/promised/: " + "\n".join(missing)


def test_every_operation_has_a_good_request() -> None:
    """Except that of Twilio, which signs its own."""
    assert set(GOOD) == set(operations()) - {"sms_otp_twilio_receipt"}


# The judge ------------------------------------------------------------------------------------

ERROR = b'{"detail": "No.", "code": "%s"}'
HEADERS = {"content-type": "application/json", "cache-control": "no-store"}


def exchange(**changes: Any) -> Exchange:
    given: dict[str, Any] = {
        "method": "POST",
        "path": "/auth/sms/get-code/",
        "content_type": "application/json",
        "body": b'{"phone_number": "+14155552671"}',
        "status": 404,
        "headers": HEADERS,
        "answer": ERROR % b"unknown_phone_number",
    }
    return Exchange(**given | changes)


def test_the_judge_takes_what_is_documented() -> None:
    judge(exchange())


REQUESTED = b"""{
    "request_id": "8b0d4c6e-51f2-9a37-1f0e-6d2b7c93e5a4", "code_length": 6,
    "expires_at": "2027-01-15T10:10:00+00:00",
    "resend_available_at": "2027-01-15T10:00:30+00:00"%s
}"""

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a path": ({"path": "/auth/sms/get-token/"}, "no such path"),
    "a method": ({"method": "PUT"}, "has no PUT"),
    "a status": ({"status": 418}, "no answer 418"),
    "a code": ({"answer": ERROR % b"unknown_number"}, "unknown_phone_number"),
    "a code of another status": ({"answer": ERROR % b"cooldown"}, "unknown_phone_number"),
    "a field": (
        {"answer": b'{"detail": "No.", "code": "unknown_phone_number", "id": 7}'},
        "'id'",
    ),
    "no detail": ({"answer": b'{"code": "unknown_phone_number"}'}, "detail"),
    "a header": ({"headers": HEADERS | {"x-code": "123456"}}, "x-code is not in"),
    "no header": (
        {"headers": {"content-type": "application/json"}},
        "cache-control is missing",
    ),
    "a header's value": ({"headers": HEADERS | {"cache-control": "public"}}, "no-store"),
    "a media type": (
        {"headers": HEADERS | {"content-type": "text/plain"}},
        "not application/json",
    ),
    "a field more": ({"status": 202, "answer": REQUESTED % b', "code": "1"'}, "'code'"),
    "a format": ({"status": 202, "answer": REQUESTED.replace(b"8b0d", b"****") % b""}, "uuid"),
    "a request's field": (
        {"status": 202, "answer": REQUESTED % b"", "body": b'{"phone_number": 1}'},
        "the request was accepted, but 1",
    ),
    "a request's media type": (
        {"status": 202, "answer": REQUESTED % b"", "content_type": "text/csv"},
        "takes no text/csv",
    ),
}


@pytest.mark.parametrize(("changes", "complaint"), WRONG.values(), ids=WRONG)
def test_the_judge_finds(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(NotAsDocumented, match=re.escape(complaint)):
        judge(exchange(**changes))


def test_a_client_of_the_tests_has_a_judge(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DOCUMENT["paths"]["/get-code/"]["post"], "responses", {})
    with pytest.raises(NotAsDocumented, match="no answer 202"):
        client.post("/auth/sms/get-code/", {"phone_number": "+14155552671"})
