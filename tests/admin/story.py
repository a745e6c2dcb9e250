"""A member of staff who reads a story, and what the page says."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

from django.test import Client

__all__ = ["FIND", "Told", "ask", "hidden", "press", "read"]

FIND = "/admin/django_sms_otp/otpcode/story/"

ANSWER = re.compile(
    r'<h2 id="sms-otp-answer">(.*?)</h2>\s*(?:<p>(.*?)</p>)?(.*?)</section>', re.DOTALL
)
EVENT = re.compile(r'<li class="sms-otp-event [^"]*"[^>]*>(.*?)</li>', re.DOTALL)
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a page says.

    :param answer: the sentence that answers why no code came.
    :param advice: what helps.
    :param also: what else stands in the way.
    :param events: the timeline, oldest first, without its times.
    :param shown: the whole page.
    """

    url: str
    answer: str
    advice: str
    also: str
    events: list[str]
    shown: str


def ask(clerk: Client, who: str) -> Told:
    """Type something into the search, and read the story that comes."""
    return _told(clerk.post(FIND, {"who": who}, follow=True))


def read(clerk: Client, url: str) -> Told:
    return _told(clerk.get(url, follow=True))


def press(clerk: Client, told: Told, name: str, **fields: str) -> None:
    """Press a button that a page offers."""
    [url] = re.findall(rf'(?:action|href)="([^"]*/{name}/)"', told.shown)
    sent = hidden(told.shown, url) or hidden(clerk.get(url).content.decode())
    answer = clerk.post(url, {**sent, **fields}, follow=True)
    page = answer.content.decode()
    assert 'class="success"' in page, re.findall(r'<li class="\w+">(.*?)</li>', page)


def hidden(page: str, url: str = "") -> dict[str, str]:
    """Return what the form with an address sends by itself, or the one that asks first."""
    start = f'action="{url}"' if url else 'class="sms-otp-confirm"'
    form = page.partition(start)[2].partition("</form>")[0]
    return {name: html.unescape(value) for name, value in HIDDEN.findall(form)}


def _told(answer: Any) -> Told:
    assert answer.status_code == 200
    shown = answer.content.decode()
    found = ANSWER.search(shown)
    texts = found.groups() if found else ("", "", "")
    events = [_text(event.partition("</time>")[2]) for event in EVENT.findall(shown)]
    return Told(
        url=answer.redirect_chain[-1][0] if answer.redirect_chain else "",
        answer=_text(texts[0] or ""),
        advice=_text(texts[1] or ""),
        also=_text(texts[2] or ""),
        events=events[::-1],
        shown=shown,
    )


def _text(markup: str) -> str:
    text = html.unescape(TAG.sub(" ", markup))
    return re.sub(r"\s+", " ", text).strip()
