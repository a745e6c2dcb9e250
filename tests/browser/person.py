"""A person in front of Chromium: what they do on our pages, and what the browser says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.test import Client

from django_sms_otp.testing import outbox
from tests.conftest import PHONE, wrong

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response

__all__ = ["Person"]

REPORT = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`Policy: ${event.violatedDirective} ${event.blockedURI}`));
"""

STATUS_OF_A_PAGE = "Failed to load resource"
"""What the console says of a page whose status is 4xx or 5xx: the tests mean it to be."""


class Person:
    """Whoever uses the pages.

    :ivar complaints: errors of scripts, breaches of the policy, files that are missing.
    """

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context, self.site = context, site
        self.complaints: list[str] = []
        context.add_init_script(REPORT)
        context.on("console", self._hear)
        context.on("weberror", lambda found: self.complaints.append(str(found.error)))
        context.on("response", self._see)
        self.page: Page = context.new_page()

    def open(self, path: str = "/login/") -> None:
        self.page.goto(path)

    def ask(self, number: str = PHONE, *, at: str = "/login/") -> None:
        """Enter a number, and have a code sent to it."""
        self.open(at)
        self.page.locator("#id_phone_number").fill(number)
        self.send()

    def send(self) -> None:
        """Press the main button of the page."""
        with self.page.expect_navigation():
            self.page.locator(".sms-otp form button").first.click()

    def enter(self, code: str) -> None:
        """Type a code. The script posts it when it is complete."""
        self.page.wait_for_load_state()  # The script is there.
        with self.page.expect_navigation():
            self.page.locator("#id_code").press_sequentially(code)

    def guess(self) -> None:
        self.enter(wrong(self.code))

    def resend(self) -> None:
        with self.page.expect_navigation():
            self.page.locator("[data-resend] button").first.click()

    def log_in(self, user: User) -> None:
        """Be logged in, without the pages."""
        client = Client()
        client.force_login(user)
        session = client.cookies["sessionid"].value
        self.context.add_cookies([{"name": "sessionid", "value": session, "url": self.site}])

    @property
    def code(self) -> str:
        """The digits of the newest message."""
        code = outbox[-1].code
        assert code
        return code

    @property
    def path(self) -> str:
        """The address of the page, without its host."""
        address: str = self.page.url
        return "/" + address.split("/", 3)[3]

    @property
    def problems(self) -> str:
        """The text of the box of problems; empty if there is none."""
        box = self.page.locator("#sms-otp-problems")
        text: str = box.inner_text() if box.count() else ""
        return text

    @property
    def heading(self) -> str:
        text: str = self.page.locator("h1").inner_text()
        return text

    @property
    def focused(self) -> str:
        """The id of what has the keyboard."""
        found: Any = self.page.evaluate("document.activeElement.id")
        return str(found)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(STATUS_OF_A_PAGE):
            self.complaints.append(message.text)

    def _see(self, response: Response) -> None:
        if response.status >= 400 and "/static/" in response.url:
            self.complaints.append(f"{response.status} {response.url}")
