"""Tables, headings and links."""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.dispatch import Signal

from django_sms_otp import checks, signals
from django_sms_otp.backends import BaseSMSBackend, failover
from django_sms_otp.backends.aws.errors import FAULTS
from django_sms_otp.backends.composite import routes
from django_sms_otp.backends.faults import Fault
from django_sms_otp.backends.twilio import backend as twilio
from django_sms_otp.backends.twilio import verify as twilio_verify
from django_sms_otp.backends.twilio.error_codes import GROUPS, read_table
from django_sms_otp.conf import Breaker, Budget, Settings
from django_sms_otp.exceptions import Cause, NotDelivered
from django_sms_otp.models import DeliveryState, Limit, OTPCode
from django_sms_otp.texts import STATUSES, TEXTS
from django_sms_otp.web import admin_site
from tests.support.apprise_services import SERVICES

from . import pages

DEFAULT = re.compile(r"Default: `(.+)`\.$")


def documented_settings() -> dict[str, Any]:
    lines = pages.prose(pages.page("settings.md"))
    found: dict[str, Any] = {}
    for number, line in enumerate(lines):
        if not line.startswith("### "):
            continue
        default = DEFAULT.search(lines[number + 2])
        assert default, f"{line}: the line below must end in its default"
        found[line.removeprefix("### ")] = eval(default[1], {"timedelta": timedelta})
    return found


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return list(value) if is_list else value


def test_settings_are_all_there_with_their_defaults() -> None:
    names = [each.name for each in dataclasses.fields(Settings)]
    defaults = {name: plain(getattr(Settings(), name)) for name in names}
    assert documented_settings() == defaults


@pytest.mark.parametrize(
    ("heading", "group"), [("UNVERIFIED_BUDGET", Budget), ("CONVERSION_BREAKER", Breaker)]
)
def test_figures_are_all_there_with_their_defaults(
    heading: str, group: type[Budget | Breaker]
) -> None:
    table = pages.rows(pages.page("settings.md"), heading)
    documented = {
        row[0].strip("`"): eval(row[1].strip("`"), {"timedelta": timedelta})
        for row in table
        if row[0].startswith("`")
    }
    assert documented == dataclasses.asdict(group())


def test_limits_are_all_there() -> None:
    table = pages.rows(pages.page("settings.md"), "LIMITS")
    assert [row[0].strip("`") for row in table] == list(Settings().LIMITS)


def test_delivery_states_are_all_there_with_the_words_of_the_admin() -> None:
    table = pages.rows(pages.page("delivery.md"), "From the request to the phone")
    documented = {row[0].strip("`"): row[1] for row in table if row[0].startswith("`")}
    assert documented == {state.value: str(state.label) for state in DeliveryState}


def test_signals_are_all_there() -> None:
    table = pages.rows(pages.page("python.md"), "django_sms_otp.signals")
    known = [name for name, value in vars(signals).items() if isinstance(value, Signal)]
    assert sorted(row[0].strip("`") for row in table) == sorted(known)


def test_check_ids_are_all_there() -> None:
    files = [*Path(checks.__file__).parent.glob("*.py"), Path(admin_site.__file__)]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    ids = set(re.findall(r"sms_otp\.[EW]\d{3}", source))
    headings = pages.headings(pages.page("checks.md"))
    assert sorted(headings[1:]) == sorted(ids)


def test_api_errors_are_all_there_with_their_statuses() -> None:
    table = pages.rows(pages.page("api.md"), "Errors")
    documented = {row[1].strip("`"): int(row[0]) for row in table}
    assert len(documented) == len(table)
    expected = {code: STATUSES.get(code, 400) for code in TEXTS}
    expected |= {"method_not_allowed": 405, "unsupported_media_type": 415}
    assert documented == expected


def test_twilio_errors_are_those_of_the_table() -> None:
    rows = pages.rows(pages.page("twilio.md"), "Errors")
    groups = read_table()["groups"]
    assert [row[0].replace(" ", "-") for row in rows] == list(groups)
    for name, codes, about, answer, logged in rows:
        group = name.replace(" ", "-")
        assert set(map(int, codes.split(", "))) <= set(groups[group]), name
        assert_documented(GROUPS[group], about, answer, logged)


def test_errors_of_aws_are_those_of_the_table() -> None:
    rows = pages.rows(pages.page("gateways.md"), "Errors of AWS")
    documented = {name.strip("`"): rest for names, *rest in rows for name in names.split(", ")}
    assert set(documented) == set(FAULTS)
    for name, (about, answer, logged) in documented.items():
        assert_documented(FAULTS[name], about, answer, logged)


def assert_documented(fault: Fault, about: str, answer: str, logged: str) -> None:
    assert about == fault.cause.value
    assert logged == ("yes" if fault.needs_attention else "no")
    if fault.refusal:
        assert f"`{fault.refusal}`" in answer
    else:
        assert answer.startswith("202" if fault.is_fraud else "503")
    wait = f"`Retry-After: {int(fault.wait.total_seconds())}`" if fault.wait else ""
    assert wait in answer
    assert bool(wait) == ("Retry-After" in answer)


@pytest.mark.parametrize("cause", Cause, ids=lambda each: each.value)
def test_what_follows_from_whose_fault_it_is_is_documented(cause: Cause) -> None:
    rows = {
        row[0].strip("`"): row[2:]
        for row in pages.rows(pages.page("gateways.md"), "Who is at fault")
    }
    counts, _next, again, level = rows[cause.value]
    error = NotDelivered(cause=cause)

    assert counts == ("yes" if error.counts_against_gateway else "no")
    assert again == ("no" if error.is_lasting else "yes")
    assert level == logging.getLevelName(error.log_level)


def defaults(backend_class: type[BaseSMSBackend]) -> dict[str, Any]:
    """Return the options of a backend that have a default, those of its base classes too."""
    found: dict[str, Any] = {}
    for each in backend_class.__mro__:
        found |= getattr(vars(each).get("__init__"), "__kwdefaults__", None) or {}
    assert set(found) <= set(backend_class.option_names())
    return found


@pytest.mark.parametrize(
    ("page", "heading", "backend"),
    [("twilio.md", "Options", twilio), ("twilio-verify.md", "Set-up", twilio_verify)],
)
def test_twilio_options_are_all_there(page: str, heading: str, backend: Any) -> None:
    table = pages.rows(pages.page(page), heading)
    options = defaults(backend.SMSBackend)
    assert sorted(row[0].strip("`") for row in table) == sorted(options)
    shown = {row[0].strip("`"): row[1].strip("`") for row in table}
    for name, default in options.items():
        if default:
            assert shown[name].strip('"') == str(default), name


def test_failover_options_are_all_there_with_their_defaults() -> None:
    table = pages.rows(pages.page("failover.md"), "Failover")
    documented = {row[0].strip("`"): row[1].strip("`") for row in table if row[1][0] in "`r"}
    options = defaults(failover.SMSBackend)
    assert documented == {**{n: str(v) for n, v in options.items()}, "aliases": "required"}


def test_routes_are_explained_key_by_key() -> None:
    table = pages.rows(pages.page("failover.md"), "Routing")
    assert [row[0].strip("`") for row in table] == list(routes.KEYS)


def test_permissions_exist() -> None:
    text = pages.page("operations.md").read_text(encoding="utf-8")
    for name, _label in (*OTPCode._meta.permissions, *Limit._meta.permissions):
        assert f"`django_sms_otp.{name}`" in text


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.name)
def test_links_resolve(path: Path) -> None:
    for link in pages.links(path):
        name, _, fragment = link.partition("#")
        target = Path(os.path.normpath(path.parent / name)) if name else path
        assert target.is_file(), link
        if path.parent == pages.ROOT / "docs":
            assert path.parent in target.parents, f"{link} leaves the built site"
        if fragment:
            assert fragment in map(pages.anchor, pages.headings(target)), link


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.name)
def test_names_in_prose_exist(path: Path) -> None:
    """Dotted paths and keys of ``SMS_OTP`` that a text mentions."""
    from django.utils.module_loading import import_string

    text = "\n".join(pages.prose(path))
    for key in re.findall(r'SMS_OTP\["(\w+)"\]', text):
        assert key in Settings.__dataclass_fields__, key
    for dotted in re.findall(r"`\"?(django_sms_otp(?:\.\w+)*\.[A-Z]\w+)", text):
        import_string(dotted)


@pytest.mark.parametrize("path", pages.DOCS, ids=lambda path: path.name)
def test_a_page_begins_with_the_question_of_its_reader(path: Path) -> None:
    assert pages.first_line(path).endswith("?")


def test_a_newcomer_reads_the_readme_in_one_go() -> None:
    text = (pages.ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert f"{len(SERVICES)} services through Apprise" in text


def test_every_page_is_in_the_navigation() -> None:
    navigation = (pages.ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("nav:")[-1]
    listed = re.findall(r"([\w-]+\.md)$", navigation, re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (pages.ROOT / "docs").glob("*.md"))
