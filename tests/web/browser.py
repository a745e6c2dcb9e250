"""A browser without JavaScript: it fills in the forms that it sees, and follows redirects."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.test import Client

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """What a page holds.

    :raises AssertionError: an element is not closed, or closed twice.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.text = html, ""
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.forms: dict[str, dict[str, str]] = {}
        self._form: dict[str, str] = {}
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert len(given) == len(attrs), f"an attribute of {tag} stands there twice"
        self.tags.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "form":
            self._form = self.forms[given.get("action", "")] = {}
        is_chosen = given.get("type") != "checkbox" or "checked" in given
        if tag == "input" and is_chosen:
            self._form[given["name"]] = given.get("value", "")
        if tag == "option" and "selected" in given:
            self._form["region"] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for each, attrs in self.tags if each == tag]

    def field(self, name: str) -> dict[str, str]:
        [field] = [
            attrs
            for tag, attrs in self.tags
            if tag in {"input", "select"} and attrs.get("name") == name
            if attrs.get("type") != "hidden"
        ]
        return field

    @property
    def problems(self) -> str:
        """The text of the box of problems."""
        _, _, after = self.html.partition('id="sms-otp-problems"')
        return Page(f"<i{after.partition('</div>')[0]}</i>").text.strip() if after else ""


class Browser:
    """A person in front of the pages. It keeps cookies, and the page that it sees."""

    def __init__(self, **headers: str) -> None:
        self.client = Client(
            enforce_csrf_checks=True,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        self.page = Page("")
        self.answer: Any = None

    def open(self, address: str = "/login/") -> Page:
        return self._see(self.client.get(address))

    def submit(self, action: str = "", **typed: str) -> Page:
        """Post a form of the page that is seen, by its address."""
        form = {**self.page.forms[action], **typed}
        return self._see(self.client.post(action or self.address, form))

    def ask(self, number: str = "+14155552671", **typed: str) -> Page:
        self.open(typed.pop("at", "/login/"))
        return self.submit(phone_number=number, **typed)

    def enter(self, code: str, action: str = "/login/code/") -> Page:
        return self.submit(action, code=code)

    def resend(self, **typed: str) -> Page:
        return self.submit("/login/resend/", **typed)

    @property
    def address(self) -> str:
        """The address of the page that is seen."""
        path: str = self.answer.request["PATH_INFO"]
        query: str = self.answer.request["QUERY_STRING"]
        return f"{path}?{query}" if query else path

    @property
    def is_logged_in(self) -> bool:
        return "_auth_user_id" in self.client.session

    def _see(self, answer: Any) -> Page:
        self.answer = answer
        if answer.status_code == 302 and answer["Location"].startswith("/login/"):
            return self.open(answer["Location"])
        self.page = Page(answer.content.decode())
        return self.page
