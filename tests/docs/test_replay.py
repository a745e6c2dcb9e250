"""The requests of the pages, sent in order, are answered as the pages say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client, override_settings

from django_sms_otp import codes

from . import pages
from .answers import assert_as_promised

README = pages.ROOT / "README.md"
REPLAYED = [README, pages.page("api.md")]
TUTORIAL = pages.page("tutorial.md")

CODE = "492817"
"""The code of every example."""


@pytest.mark.parametrize("path", REPLAYED, ids=lambda path: path.name)
@pytest.mark.django_db
def test_requests_are_answered_as_promised(
    path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "derive_code", lambda *args, **kwargs: CODE)
    if path == README:
        # The site of the README sets no policy.
        with override_settings(SMS_OTP={}):
            replay(path, client)
    else:
        replay(path, client)


def replay(path: Path, client: Client) -> None:
    request_ids: dict[str, str] = {}
    for curl in pages.curls(path):
        body, content_type = curl.body, curl.headers.get("Content-Type", "")
        for documented, real in request_ids.items():
            body = body.replace(documented, real)
        answer = client.post(curl.path, body, content_type=content_type)
        assert answer.status_code == curl.status, answer.content
        assert answer.headers["Cache-Control"] == "no-store"
        assert ("Retry-After" in answer.headers) == (curl.status == 429)
        assert_as_promised(curl.answer, answer.json())
        if curl.status == 202:
            request_ids[curl.answer["request_id"]] = answer.json()["request_id"]


def test_no_request_is_left_out() -> None:
    with_requests = {block.page for block in pages.all_blocks() if "curl " in block.text}
    assert with_requests == {*REPLAYED, TUTORIAL}


def test_answer_without_request_has_known_keys() -> None:
    """``delivery_failed`` needs a gateway that fails; its keys are those of a sent code."""
    found = [
        json.loads(block.text)
        for block in pages.blocks(pages.page("api.md"))
        if block.language == "json" and not block.title
    ]
    sent = json.loads(pages.blocks(pages.page("api.md"))[1].text)
    assert [list(each) for each in found] == [["detail", "code", "retry_after", *sent]]
