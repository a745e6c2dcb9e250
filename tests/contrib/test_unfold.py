"""The admin under django-unfold, on a site of its own."""

from __future__ import annotations

import pytest
from django.apps import AppConfig, apps

from django_sms_otp.contrib.unfold import apps as unfold_apps
from django_sms_otp.exceptions import InvalidSettings
from tests.support import sites

BADGE, FACTS = 'class="sms-otp-badge sms-otp-badge-', '<table class="sms-otp-facts">'

HOLDS = {
    "index": ['class="sms-otp-find"', 'class="sms-otp-to-dashboard"'],
    "codes": [BADGE, "Invalidate the selected codes", 'id="changelist-filter"'],
    "code": [BADGE, "+14155552671"],
    "not found": ["No row for +14155550000"],
    "phones": ["+1********71"],
    "phone": ["+14155552671"],
    "removal": ["+1********71"],
    "limits": [f"{BADGE}locked", "Lift the lockout"],
    "limit": [FACTS],
    "history": [],
    "counts": ["hourlycount/dashboard/"],
    "dashboard": ['class="sms-otp-tiles"', 'class="sms-otp-chart"'],
    "story": [FACTS, 'class="sms-otp-answer', "sms-otp-event"],
    "find": ['class="sms-otp-find"'],
    "unlocked": ["The lockout of 1 phone number was lifted."],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLDS)
def test_each_page_is_whole_in_the_look_of_unfold(name: str) -> None:
    page = sites.visit("unfold", "unfold_script")["pages"][name]
    assert page["status"] == 200
    html = page["html"]
    assert "unfold/css/styles.css" in html
    if name not in {"history", "removal"}:
        # It comes last, so that it wins.
        assert html.index("unfold/css/styles.css") < html.index("django_sms_otp/unfold.css")
    for part in HOLDS[name]:
        assert part in html, part


@pytest.mark.slow
def test_the_admin_by_sms_is_a_mixin_for_unfolds() -> None:
    pages = sites.visit("unfold", "unfold_script")["pages"]
    assert "unfold/css/styles.css" in pages["login"]["html"]
    assert "Confirm that it is you" in pages["guarded"]["html"]


def test_the_order_of_the_apps_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not in INSTALLED_APPS: what Unfold changes of Django's admin stays, for all tests.
    app = AppConfig.create("django_sms_otp.contrib.unfold")
    installed = [*apps.get_app_configs()]
    monkeypatch.setattr(apps, "get_app_configs", lambda: [*installed, app])
    with pytest.raises(InvalidSettings, match="Write it before"):
        app.ready()
    monkeypatch.setattr(apps, "get_app_configs", lambda: [app, *installed])
    app.ready()
    monkeypatch.setattr(unfold_apps, "find_spec", lambda _: None)
    with pytest.raises(InvalidSettings, match=r"pip install .django-sms-otp\[unfold\]"):
        app.ready()
