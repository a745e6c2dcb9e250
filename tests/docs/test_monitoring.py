"""The page on monitoring names what there is."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter
from prometheus_client.parser import text_string_to_metric_families

from django_sms_otp.contrib.measures import INSTRUMENTS, Instrument
from django_sms_otp.logs import log_fields
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.services import request_code
from tests.conftest import PHONE

from . import pages
from .pages import Block

PAGE = pages.page("monitoring.md")
PACKAGE = pages.ROOT / "django_sms_otp"

Modules = Callable[[Path], dict[str, Any]]


def shown_name(instrument: Instrument) -> str:
    name = instrument.name.replace(".", "_")
    return f"{name}_seconds" if instrument.buckets else f"{name}_total"


LABELS = {shown_name(each): each.labels for each in INSTRUMENTS}


def test_metrics_are_all_there_with_their_labels() -> None:
    documented = {
        row[0].strip("`"): tuple(re.findall(r"`(\w+)`", row[1]))
        for row in pages.rows(PAGE, "Metrics")
    }
    assert documented == LABELS


@pytest.mark.parametrize(
    "block", [each for each in pages.blocks(PAGE) if each.language == "promql"], ids=str
)
def test_alerts_ask_for_metrics_and_labels_that_there_are(block: Block) -> None:
    used = re.findall(r"(sms_otp_\w+)(?:\{([^}]*)\})?", block.text)
    assert used
    for shown, selector in used:
        labels = {*LABELS[shown.removesuffix("_bucket")]}
        asked_for = re.findall(r"(\w+)(?:!=|=~|=)\"", selector)
        assert {*asked_for} <= labels
        for grouped in re.findall(r"by \(([^)]*)\)", block.text):
            assert {*grouped.split(", ")} <= {*labels, "le"}
    for opening, closing in ("()", "[]", "{}"):
        assert block.text.count(opening) == block.text.count(closing)


def events_in_code() -> set[str]:
    return {
        node.args[0].value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "log_fields"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def words_of(heading: str) -> set[str]:
    """Return the words of the first column of a table."""
    return {word for row in pages.rows(PAGE, heading) for word in re.findall(r"\w+", row[0])}


def test_events_are_all_there() -> None:
    assert words_of("Events") == events_in_code()


@pytest.mark.django_db
def test_a_line_is_as_shown(modules: Modules, caplog: pytest.LogCaptureFixture) -> None:
    formatter = modules(PAGE)["shop.logs"].JSONFormatter()
    with caplog.at_level(logging.INFO, logger="django_sms_otp"):
        request_code(parse_phone_number(PHONE))
    [record] = [each for each in caplog.records if each.name == "django_sms_otp"]
    [shown] = [json.loads(each.text) for each in pages.blocks(PAGE) if each.title == "a line"]
    line = json.loads(formatter.format(record))
    assert list(line) == list(shown)
    assert list(line["sms_otp"]) == list(shown["sms_otp"])
    assert set(line["sms_otp"]) | {"error_code", "control", "key"} == words_of("Fields")
    assert line["sms_otp"]["phone_number"] == shown["sms_otp"]["phone_number"]
    alien = logging.LogRecord("x", logging.INFO, "", 0, "Hi.", (), None)
    assert "sms_otp" not in json.loads(formatter.format(alien))
    failed = (ValueError, ValueError("bad"), None)
    alien = logging.LogRecord("x", logging.ERROR, "", 0, "Hi.", (), failed)
    assert json.loads(formatter.format(alien))["exception"] == "ValueError: bad"
    assert log_fields("x")["sms_otp"] == {"event": "x"}


def test_the_page_of_metrics(
    modules: Modules, rf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = modules(PAGE)["shop.metrics"].metrics
    counter = Counter("shop_visits", "Of a test.")
    try:
        answer = view(rf.get("/metrics"))
        assert answer.headers["Content-Type"] == CONTENT_TYPE_LATEST
        families = text_string_to_metric_families(answer.content.decode())
        assert "shop_visits" in {each.name for each in families}
    finally:
        REGISTRY.unregister(counter)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert view(rf.get("/metrics")).content == b""
