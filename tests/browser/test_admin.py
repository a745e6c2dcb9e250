"""Staff in the admin: a person's story, and the dashboard."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from django_sms_otp.limits.number import NumberState
from django_sms_otp.testing import outbox
from tests.admin.staff import row_of
from tests.conftest import PHONE

from .admin_states import ADMIN, DASHBOARD, dashboard, log_in_staff, make_story
from .conftest import NewPerson
from .looks import DARK, DESKTOP, LIGHT, Look
from .looks import PHONE as PHONE_SCREEN
from .person import Person
from .scenes import State, standing_still
from .test_accessibility import ALL_RULES, violations

OURS = {"include": [["#content"]], "exclude": [[".sms-otp-plot text"]]}
"""The rest of a page is Django's. Of a text in a drawing axe does not know the background; it
has the colours of the axis beside it."""

LOOKS = (
    # So high that the whole page is in the window: axe is not sure of what its edge cuts.
    Look(name="light desktop", size=(DESKTOP[0], 5000), media=LIGHT.media),
    Look(name="dark phone", size=(PHONE_SCREEN[0], 5000), media=DARK.media),
)


@pytest.mark.parametrize("state", ADMIN, ids=str)
def test_axe_finds_nothing_and_nobody_scrolls_to_the_side(
    state: State, new_person: NewPerson
) -> None:
    person = new_person()
    state.reach(person)
    page = person.page
    for each in page.locator("details").all():
        each.evaluate("details => details.open = true")
    page.evaluate(Axe().axe_script)
    found = []
    for look in LOOKS:
        look.apply(page)
        # The links of Django's admin take on their colour slowly.
        page.evaluate("document.getAnimations().forEach((each) => each.finish())")
        found += [f"{look}: {each}" for each in violations(page, ALL_RULES, within=OURS)]
        width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        found += [f"{look}: {width} pixels wide"] if width > room else []
    assert found == []


def test_staff_help_somebody_who_got_no_code(person: Person) -> None:
    page = person.page
    with standing_still(person):
        make_story()
        log_in_staff(person)
        person.open("/admin/django_sms_otp/")
        page.get_by_label("Number, user or request").fill("+1 415-555-2671")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(f"Story of {PHONE}")
        assert "2671" not in person.path
        expect(page.locator("#sms-otp-answer")).to_contain_text("did not arrive")

        page.get_by_text("More", exact=True).click()
        page.get_by_role("link", name="Block the number…").click()
        expect(page.locator("h1")).to_have_text("Block the number")
        page.get_by_role("link", name="No, take me back").click()
        expect(page.locator("h1")).to_have_text(f"Story of {PHONE}")
        assert NumberState.from_json(row_of(PHONE).state).rule is None

        page.get_by_role("button", name="Send the code again").click()
        expect(page.locator(".messagelist")).to_have_text("The code is on its way.")
        assert [each.to for each in outbox] == [PHONE]
        page.get_by_role("button", name="Restore the message quota").click()
        expect(page.locator(".messagelist")).to_have_text("The message quota was restored.")
        expect(page.get_by_role("button", name="Restore the message quota")).to_have_count(0)


def test_the_dashboard_by_keyboard(person: Person) -> None:
    page = person.page
    with standing_still(person) as scene:
        dashboard(scene)
        span = page.get_by_role("link", name="7 days")
        expect(span).to_have_attribute("aria-current", "page")
        span.focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{DASHBOARD}?span=30d")
        expect(page.get_by_role("link", name="30 days")).to_have_attribute(
            "aria-current", "page"
        )

        rows = page.get_by_role("region", name="Codes").get_by_role("row")
        expect(rows).to_have_count(0)
        page.get_by_text("Codes as a table").focus()
        page.keyboard.press("Enter")
        expect(rows).to_have_count(31)  # With its head.
        shown = rows.last.get_by_role("cell").all_inner_texts()

        page.get_by_role("link", name="Codes as CSV").focus()
        with page.expect_download() as coming:
            page.keyboard.press("Enter")
        file = coming.value
        assert file.suggested_filename == "sms-otp-codes-2026-04-02-2026-05-01.csv"
        *_, last = csv.DictReader(Path(file.path()).read_text().splitlines())
        assert last["start"] == "2026-05-01"
        counts = [last[name] for name in ("requested", "sent", "delivered", "redeemed")]
        assert [f"{int(count):,}" for count in counts] == shown
