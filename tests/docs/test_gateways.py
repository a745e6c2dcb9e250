"""The page "Gateways" against the backends, their tables, and the installed Apprise."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from typing import Any

import pytest

from django_sms_otp import backends, testing
from django_sms_otp.backends import BaseSMSBackend, apprise, webhook
from django_sms_otp.backends.aws import backend as aws
from django_sms_otp.backends.faults import fault_of_status
from tests.support.apprise_services import SERVICES, UNFIT, UNTOLD

from . import pages

PAGE = pages.page("gateways.md")
HANDING_ON = {"failover", "routing"}
"""They send by other backends, and can do what those can."""


def plain(cell: str) -> str:
    return cell.strip("`")


def classes() -> dict[str, type[BaseSMSBackend]]:
    names = [module.name for module in pkgutil.iter_modules(backends.__path__)]
    found = {name: import_module(f"{backends.__name__}.{name}") for name in names}
    return {
        name: module.SMSBackend
        for name, module in found.items()
        if hasattr(module, "SMSBackend") and name not in HANDING_ON
    }


def test_every_backend_has_its_row() -> None:
    table = pages.rows(pages.page("delivery.md"), "What each backend can do")
    rows = {name: row[1] for row in table for name in re.findall(r"`(\w+)`", row[0])}
    assert set(rows) == set(classes())
    for name, backend_class in classes().items():
        assert (rows[name] == "development") is backend_class.development_only, name


def test_every_backend_is_among_the_classes() -> None:
    table = pages.rows(pages.page("delivery.md"), "Backends")
    paths = [f"{backends.__name__}.{name}.SMSBackend" for name in {*classes(), *HANDING_ON}]
    assert sorted(plain(row[0]) for row in table) == sorted(paths)


@pytest.mark.parametrize(
    ("name", "module"), [("apprise", apprise), ("aws", aws), ("webhook", webhook)]
)
def test_options_are_all_there_with_their_defaults(name: str, module: Any) -> None:
    options = dict(module.SMSBackend.__init__.__kwdefaults__)
    rows = pages.rows(PAGE, f"Options of {name}")
    assert [plain(row[0]) for row in rows] == list(options)
    for option, default, _meaning in rows:
        if default != "required":
            assert plain(default) == str(options[plain(option)]), option


def test_services_of_apprise_are_all_there() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    names = ", ".join(service.name for service in SERVICES)
    assert f"These {len(SERVICES)} services of Apprise 2.3" in text
    assert f"over TLS: {names}." in text


def test_services_that_do_not_fit_are_named() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name.lower()}://` " in text for name in UNFIT)


def test_services_whose_gateway_chooses_the_letters_are_named() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    names = re.search(r"depends on the gateway for (.*?), because", text)
    assert names
    listed = re.sub(r" \(.*?\)", "", names[1]).replace(" and ", ", ").split(", ")
    assert listed == sorted(UNTOLD)


def test_words_of_refusal_of_the_webhook_are_all_there() -> None:
    [row] = [
        row for row in pages.rows(PAGE, "What your service answers") if row[0].startswith("422")
    ]
    assert all(word in " ".join(row) for word in webhook.REFUSALS)


def test_statuses_of_the_webhook_are_about_what_the_page_says() -> None:
    rows = pages.rows(PAGE, "What your service answers")
    for statuses, means in rows:
        for status in re.findall(r"4\d\d", statuses):
            if "about" in means:
                assert f"about the {fault_of_status(int(status)).cause.value}" in means


def test_the_contract_has_the_attributes_that_the_page_lists() -> None:
    contract = testing.BackendContract
    for name, default, _meaning in pages.rows(PAGE, "Hold it to the contract"):
        assert plain(name) in contract.__annotations__
        if plain(name) == "rejected":
            assert contract.rejected == testing.Answer(status=401)
        elif default != "required":
            assert plain(default) == str(getattr(contract, plain(name)))
    listed = {plain(row[0]) for row in pages.rows(PAGE, "Hold it to the contract")}
    assert listed == set(contract.__annotations__) - {"gateway"}
