"""Every page in every state that a person may see it in.

A state is a function that leads a person there; its name is the picture's. To add one, write
such a function. The tests of accessibility and layout go through all of them, and
``--pictures`` takes their pictures.
"""

from __future__ import annotations

from tests.conftest import PHONE
from tests.services.test_numbers import NEW, OLD, THIRD, id_of, user_with

from .scenes import STATES, Scene, state

__all__ = ["STATES"]

# The login -----------------------------------------------------------------------------------


@state()
def number(scene: Scene) -> None:
    scene.person.open()


@state()
def number_refused(scene: Scene) -> None:
    scene.person.ask("12")


@state()
def number_remembered(scene: Scene) -> None:
    scene.person.open()
    scene.page.locator("#id_remember").check()
    scene.page.locator("#id_phone_number").fill(PHONE)
    scene.person.send()
    scene.person.enter(scene.person.code)
    scene.person.context.clear_cookies(name="sessionid")
    scene.person.open()


@state(LIMITS={"site": "1/h"})
def number_too_often(scene: Scene) -> None:
    scene.person.ask(OLD)
    scene.person.ask(NEW)


@state()
def code(scene: Scene) -> None:
    scene.person.ask()


@state()
def code_help(scene: Scene) -> None:
    scene.person.ask()
    scene.page.locator("summary").click()


@state()
def code_wrong(scene: Scene) -> None:
    scene.person.ask()
    scene.person.guess()


@state()
def code_expired(scene: Scene) -> None:
    scene.person.ask()
    scene.wait(minutes=11)
    scene.person.open("/login/code/")


@state()
def code_too_early(scene: Scene) -> None:
    """As after a click in another tab: the script lets the button sleep."""
    scene.person.ask()
    with scene.page.expect_navigation():
        scene.page.locator("[data-resend]").evaluate("form => form.submit()")


@state()
def code_sent_again(scene: Scene) -> None:
    scene.person.ask()
    scene.wait(seconds=31)
    scene.person.resend()


@state()
def code_ready_to_resend(scene: Scene) -> None:
    scene.person.ask()
    scene.wait(seconds=31)
    scene.page.locator("[data-resend] button:enabled").wait_for()


@state(MAX_ATTEMPTS=1)
def code_lockout(scene: Scene) -> None:
    scene.person.ask()
    scene.person.guess()
    scene.person.guess()


@state(CHANNELS={"sms": "default", "whatsapp": "default", "voice": "default"})
def code_channels(scene: Scene) -> None:
    scene.person.ask()
    scene.wait(seconds=31)
    scene.page.locator("[data-resend] button:enabled").first.wait_for()


@state(locale="ar")
def number_from_right_to_left(scene: Scene) -> None:
    scene.person.ask("12")


@state(locale="ar")
def code_from_right_to_left(scene: Scene) -> None:
    scene.person.ask("+966501234567")
    scene.person.guess()


@state()
def own_page_number(scene: Scene) -> None:
    """The form in a page of the site's own."""
    scene.person.open("/")


@state()
def own_page_code(scene: Scene) -> None:
    scene.person.ask(at="/")
    scene.person.open("/")


# The account ---------------------------------------------------------------------------------


@state()
def step_up(scene: Scene) -> None:
    scene.person.log_in(user_with(OLD))
    scene.person.open("/pay/")


@state()
def step_up_of_several(scene: Scene) -> None:
    scene.person.log_in(user_with(OLD, NEW))
    scene.person.open("/pay/")


@state()
def step_up_code(scene: Scene) -> None:
    step_up_of_several(scene)
    scene.person.send()


@state()
def step_up_without_number(scene: Scene) -> None:
    scene.person.log_in(user_with(password="x"))
    scene.person.open("/pay/")


@state()
def numbers(scene: Scene) -> None:
    scene.person.log_in(user_with(OLD, NEW, THIRD))
    scene.person.open("/login/numbers/")


@state()
def numbers_none(scene: Scene) -> None:
    scene.person.log_in(user_with(password="x"))
    scene.person.open("/login/numbers/")


@state()
def numbers_last(scene: Scene) -> None:
    user = user_with(OLD)
    scene.person.log_in(user)
    scene.person.open(f"/login/numbers/{id_of(user, OLD)}/remove/")
    scene.person.send()


@state()
def numbers_remove(scene: Scene) -> None:
    user = user_with(OLD, NEW)
    scene.person.log_in(user)
    scene.person.open(f"/login/numbers/{id_of(user, NEW)}/remove/")


@state()
def numbers_add(scene: Scene) -> None:
    scene.person.log_in(user_with(OLD))
    scene.person.open("/login/numbers/add/")


@state()
def numbers_add_code(scene: Scene) -> None:
    scene.person.log_in(user_with(OLD))
    scene.person.ask(NEW, at="/login/numbers/add/")


@state()
def numbers_added(scene: Scene) -> None:
    numbers_add_code(scene)
    scene.person.enter(scene.person.code)
