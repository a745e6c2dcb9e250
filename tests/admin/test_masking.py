"""A whole phone number stands on no page, in no address and in no log of the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps.registry import Apps
from django.contrib.admin.models import LogEntry
from django.contrib.admin.views import autocomplete
from django.db import models
from django.urls import reverse
from django.utils import timezone

from django_sms_otp.limits.failures import Failures
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone

from ..conftest import PHONE
from ..support.factories import OTPCodeFactory, VerifiedPhoneFactory
from ..support.guesses import made_by
from .staff import LIMITS, limit, page, staff

MASKED = "+1********71"
DIGITS = PHONE[1:]
VIEWS = ("view_limit", "view_otpcode", "view_verifiedphone")
ACTIONS = ("unlock_limit", "invalidate_otpcode", "delete_verifiedphone")
MODELS = (Limit, OTPCode, VerifiedPhone)
WHOLE = "view_whole_phone_number"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rows(db: None) -> dict[type[models.Model], Any]:
    """Return a row of each model; all are of the same number."""
    code = OTPCodeFactory.create(phone_number=PHONE, withheld_by="budget")
    state = NumberState(guesses=made_by(strangers=Failures(1, (0,)))).to_json()
    Limit.objects.update(is_kept=True, state=state, updated_at=timezone.now())
    phone = VerifiedPhoneFactory.create(phone_number=PHONE, last_used_at=timezone.now())
    return {Limit: Limit.objects.get(), OTPCode: code, VerifiedPhone: phone}


def address(model: type[models.Model], view: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{view}", args=args)


@pytest.mark.parametrize("model", MODELS)
def test_no_page_has_the_number(model: type[models.Model], rows: dict[Any, Any]) -> None:
    client = staff(*VIEWS, *ACTIONS)
    row = rows[model]
    shown = [
        page(client, address(model, "changelist")),
        page(client, address(model, "changelist"), _popup="1", _to_field="id"),
        page(client, address(model, "changelist"), all=""),
        page(client, address(model, "change", row.pk)),
        page(client, address(model, "change", row.pk), _popup="1", _to_field="id"),
        page(client, address(model, "history", row.pk)),
    ]
    if model is VerifiedPhone:
        shown.append(page(client, address(model, "delete", row.pk)))
    assert [each for each in shown if MASKED not in each] == []
    assert [each for each in shown if DIGITS in each] == []


@pytest.mark.parametrize("model", MODELS)
def test_the_title_of_a_rows_page_is_masked(
    model: type[models.Model], rows: dict[Any, Any]
) -> None:
    # With the permission too: titles stay in the browser's history.
    client = staff(*VIEWS, WHOLE)
    shown = page(client, address(model, "change", rows[model].pk))
    title = shown.partition("<title>")[2].partition("</title>")[0]
    assert MASKED in title
    assert DIGITS not in title


@pytest.mark.parametrize("model", MODELS)
def test_the_permission_shows_the_number_on_a_rows_own_page_alone(
    model: type[models.Model], rows: dict[Any, Any]
) -> None:
    client = staff(*VIEWS, WHOLE)
    assert PHONE in page(client, address(model, "change", rows[model].pk))
    assert DIGITS not in page(client, address(model, "changelist"))
    assert DIGITS not in page(client, address(model, "history", rows[model].pk))


def test_the_log_of_actions_has_no_number(rows: dict[Any, Any]) -> None:
    client = staff(*VIEWS, *ACTIONS)
    ticked = {"action": "unlock", "_selected_action": [str(rows[Limit].pk)]}
    answer: Any = client.post(LIMITS, ticked, follow=True)
    assert "The lockout of 1 phone number was lifted." in answer.content.decode()
    client.post(address(VerifiedPhone, "delete", rows[VerifiedPhone].pk), {"post": "yes"})
    entries = list(LogEntry.objects.values("object_id", "object_repr", "change_message"))
    assert [each["object_repr"] for each in entries] == [MASKED, MASKED, MASKED]
    assert DIGITS not in repr(entries)
    # The index page lists the latest actions, and the history those of the row.
    for url in ("/admin/", address(Limit, "history", rows[Limit].pk)):
        assert DIGITS not in page(client, url)


@pytest.mark.parametrize("written", [PHONE, DIGITS, f"%2B{DIGITS}", f"number:{PHONE}", "zz"])
def test_a_number_is_not_the_address_of_a_limit(written: str) -> None:
    assert staff("view_limit").get(f"{LIMITS}{written}/change/").status_code == 302


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("term", "is_found"), [("", True), (PHONE, True), ("2671", False)])
def test_autocompletion_lists_masked_numbers_and_finds_whole_ones(
    monkeypatch: pytest.MonkeyPatch, model: type[models.Model], term: str, is_found: bool
) -> None:
    """A model of the site may refer to our rows, and its form offers them by search."""

    class Note(models.Model):  # noqa: DJ008 (no row is made)
        about = models.ForeignKey(model, models.CASCADE, related_name="+", to_field="id")

        class Meta:
            app_label = "customers"
            apps = Apps(["tests.support.customers"])

    monkeypatch.setattr(autocomplete, "apps", Note._meta.apps)
    query = {"app_label": "customers", "model_name": "note", "field_name": "about"}
    url = "/admin/autocomplete/"
    for client, finds in (
        (staff(*VIEWS, WHOLE), is_found),
        (staff(*VIEWS, name="trainee"), not term),
    ):
        answer = client.get(url, {**query, "term": term})
        results = answer.json()["results"]
        assert [MASKED in each["text"] for each in results] == [True] * finds
        assert DIGITS not in answer.content.decode()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("term", [PHONE, "+1 (415) 555-2671", f"number:{PHONE}"])
def test_a_masked_number_is_not_completed_by_searching(
    model: type[models.Model], term: str
) -> None:
    """Of the ten digits, two are shown. Whoever may search tries the rest."""
    shown = page(staff(*VIEWS), address(model, "changelist"), q=term)
    assert MASKED not in shown
    assert "0 " in shown


@pytest.mark.parametrize("model", [OTPCode, VerifiedPhone])
def test_only_who_may_search_is_offered_a_search(model: type[models.Model]) -> None:
    url = address(model, "changelist")
    assert 'name="q"' not in page(staff(*VIEWS), url)
    assert 'name="q"' in page(staff(*VIEWS, WHOLE, name="boss"), url)


def test_a_masked_number_is_not_completed_by_its_prefix() -> None:
    """The prefix has all digits but four, and the masked number has two of these."""
    digits = "+1212555"
    prefix = limit(f"prefix:{digits}")
    client = staff(*VIEWS, *ACTIONS)
    whole, masked = f"prefix:{digits}", "prefix:+1******"
    ticked = {"action": "forget", "_selected_action": [str(prefix.pk)]}
    Limit.objects.filter(pk=prefix.pk).update(uses=1)
    shown = [
        client.post(LIMITS, ticked, follow=True).content.decode(),
        page(client, LIMITS),
        page(client, address(Limit, "change", prefix.pk)),
        page(client, address(Limit, "history", prefix.pk)),
        page(client, "/admin/"),
    ]
    assert [each for each in shown if masked not in each] == []
    assert [each for each in shown if digits in each] == []
    assert masked not in page(client, LIMITS, q=whole)
    boss = staff(*VIEWS, WHOLE, name="boss")
    assert whole in page(boss, LIMITS)
    assert digits in page(boss, address(Limit, "change", prefix.pk))
