"""Who is logged in: confirms that it is them, and looks after their numbers."""

from __future__ import annotations

from playwright.sync_api import expect

from django_sms_otp.models import VerifiedPhone
from django_sms_otp.testing import outbox
from tests.services.test_numbers import NEW, OLD, THIRD, texts_of, user_with

from .person import Person
from .states import STATES


def test_step_up(person: Person) -> None:
    person.log_in(user_with(OLD, NEW))
    person.open("/pay/")
    assert person.heading == "Confirm that it is you"
    # No number is shown whole: somebody else may have found the session.
    assert "0132" not in person.page.content()
    person.page.get_by_role("button", name="32").click()
    person.page.wait_for_url("**/step-up/code/**")
    assert outbox[-1].to == NEW
    person.guess()
    assert person.problems.startswith("This code is not valid.")
    person.enter(person.code)
    assert person.path == "/pay/"
    assert person.heading == "Paid"


def test_a_number_is_added_and_made_the_main_one(person: Person) -> None:
    user = user_with(OLD)
    person.log_in(user)
    person.open("/login/numbers/?next=/")
    page = person.page
    page.get_by_role("link", name="Add a phone number").click()
    page.locator("#id_phone_number").fill(NEW)
    person.send()
    person.enter(person.code)
    expect(page.get_by_role("status")).to_have_text("The phone number was added.")
    assert texts_of(user) == [OLD, NEW]
    page.get_by_role("button", name="Make it the main number").click()
    expect(page.get_by_role("status")).to_have_text("Your main phone number was changed.")
    expect(page.locator(".sms-otp-numbers li").first).to_contain_text("+1 415-555-0132")
    assert texts_of(user) == [NEW, OLD]
    page.get_by_role("link", name="Continue").click()
    page.wait_for_url(f"{person.site}/")


def test_a_number_is_removed_after_a_question(person: Person) -> None:
    user = user_with(OLD, NEW, THIRD)
    person.log_in(user)
    person.open("/login/numbers/")
    row = person.page.locator(".sms-otp-numbers li", has_text="+1 415-555-0132")
    row.get_by_role("link", name="Remove").click()
    person.page.wait_for_url("**/remove/")
    assert person.heading == "Remove this phone number?"
    assert VerifiedPhone.objects.count() == 3
    person.send()
    expect(person.page.get_by_role("status")).to_have_text("The phone number was removed.")
    assert texts_of(user) == [OLD, THIRD]


def test_who_cannot_remove_their_only_number_is_led_to_add_one(person: Person) -> None:
    [state] = [each for each in STATES if each.name == "numbers-last"]
    state.reach(person)
    assert person.problems.startswith("Your account needs this number.")
    expect(person.page.locator("button")).to_have_count(0)
    person.page.get_by_role("link", name="Add a phone number").click()
    person.page.wait_for_url("**/numbers/add/")
