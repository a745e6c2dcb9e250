"""Whatever is posted, the answer is one of ours, and no guess is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from django_sms_otp import testing
from django_sms_otp.codes import normalise_code
from django_sms_otp.models import Limit, OTPCode
from tests.conftest import PHONE

PATHS = ["/auth/sms/get-code/", "/auth/sms/auth-code/"]

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**310)
    | st.floats()
    | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["phone_number", "code", "request_id", "channel"]) | st.text(),
            inner,
        )
    ),
    max_leaves=8,
)

CONTENT_TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=hex",
        "application/json; charset=utf-16",
        "application/json; charset=rot13",
        "application/json; charset=idna",
        "application/json; charset=undefined",
        "application/json; charset=no-such-charset",
        "application/json; indent=99",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=hex",
        "application/x-www-form-urlencoded; charset=utf-7",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=x; charset=base64",
        "multipart/form-data; boundary=\x80",
        "text/plain",
        "",
        ";",
        "a/b/c",
    ]
)

FILE_PART = (
    b'--x\r\nContent-Disposition: form-data; name="code"; filename="a"\r\n\r\n1\r\n--x--'
)
BASE64_PART = (
    b'--x\r\nContent-Disposition: form-data; name="code"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--x--"
)

# Rows are deleted before each example: the ``db`` fixture rolls back once, after all of them.
with_examples = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def start_afresh() -> None:
    OTPCode.objects.all().delete()
    Limit.objects.all().delete()
    testing.outbox.clear()


def post(client: Client, path: str, body: object) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def assert_ours(response: Any) -> None:
    assert response.status_code < 500
    assert response.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = json.loads(response.content)
    if response.status_code >= 400:
        assert isinstance(body["detail"], str)
        assert isinstance(body["code"], str)
        assert body.keys() <= {"detail", "code", "errors", "retry_after"}
        for texts in body.get("errors", {}).values():
            assert all(isinstance(text, str) for text in texts)


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
@with_examples
@given(body=JSON_VALUES)
def test_any_json_gets_an_answer_of_ours(client: Client, path: str, body: object) -> None:
    start_afresh()
    assert_ours(post(client, path, body))


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
@with_examples
@given(
    phone_number=JSON_VALUES | st.just(PHONE) | st.none(),
    code=JSON_VALUES | st.just("123456"),
    request_id=JSON_VALUES | st.uuids().map(str) | st.none(),
)
def test_any_value_of_any_field_gets_an_answer_of_ours(
    client: Client, path: str, phone_number: object, code: object, request_id: object
) -> None:
    start_afresh()
    body = {"phone_number": phone_number, "code": code, "request_id": request_id}
    assert_ours(post(client, path, body))


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
@with_examples
@given(
    body=st.binary(max_size=200)
    | st.sampled_from(
        [
            b'{"phone_number": "+14155552671", "code": "1"}',
            b"phone_number=%2B14155552671&code=%FF",
            b"2b31",
            b"&" * 2000,
            FILE_PART,
            BASE64_PART,
        ]
    ),
    content_type=CONTENT_TYPES,
)
def test_any_bytes_of_any_type_get_an_answer_of_ours(
    client: Client, path: str, body: bytes, content_type: str
) -> None:
    start_afresh()
    assert_ours(client.generic("POST", path, body, content_type=content_type))


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["hex", "zlib", "bz2", "rot13", "base64", "undefined"])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", f'{{"phone_number": "{PHONE}"}}'),
        ("application/x-www-form-urlencoded", f"phone_number={PHONE}"),
    ],
)
def test_a_body_is_read_as_utf_8_whatever_charset_it_claims(
    client: Client, content_type: str, body: str, charset: str
) -> None:
    odd = f"{content_type}; charset={charset}"
    answer = client.generic("POST", PATHS[0], body.encode(), content_type=odd)
    assert answer.status_code == 202


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("depth", [10, 900, 1100, 7000])
@pytest.mark.parametrize("opening", ["[", '{"phone_number":'])
def test_deep_nesting_gets_an_answer_of_ours(
    client: Client, path: str, depth: int, opening: str
) -> None:
    closing = "]" if opening == "[" else "}"
    nested = f"{opening * depth}1{closing * depth}"
    for body in (nested, f'{{"phone_number": {nested}, "code": {nested}}}'):
        assert_ours(client.post(path, body, content_type="application/json"))


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("digits", [19, 400, 4301, 15_000])
def test_huge_numbers_get_an_answer_of_ours(client: Client, path: str, digits: int) -> None:
    for field in ("phone_number", "code", "request_id"):
        body = f'{{"phone_number": "{PHONE}", "code": "1", "{field}": {"9" * digits}}}'
        assert_ours(client.post(path, body, content_type="application/json"))


@pytest.mark.django_db
@with_examples
@given(
    typed=st.lists(
        st.text("0123456789", min_size=6, max_size=6)
        | st.text(min_size=1).filter(lambda text: text.strip()),
        min_size=1,
        max_size=8,
    )
)
def test_each_wrong_code_is_counted_once_or_refused_as_too_many(
    client: Client, typed: list[str]
) -> None:
    start_afresh()
    post(client, PATHS[0], {"phone_number": PHONE})
    right = testing.outbox[-1].code
    assume(all(normalise_code(text) != right for text in typed))
    for number, text in enumerate(typed, start=1):
        answer = post(client, PATHS[1], {"phone_number": PHONE, "code": text})
        assert_ours(answer)
        assert answer.status_code == (401 if number <= 5 else 429)
        assert OTPCode.objects.get().failed_attempts == min(number, 5)
