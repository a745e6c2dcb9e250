"""Pictures of the pages for the documentation, and how to tell that one is out of date.

A picture holds, as a text of its PNG, a digest of what it was made of: the page's HTML and our
style sheets.
"""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .looks import DARK, DESKTOP, LIGHT, PHONE, Look
from .scenes import State

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["FOLDER", "VIEWS", "digest_in", "digest_of", "file_of", "take"]

FOLDER = Path(__file__).parents[2] / "docs/pictures"

COLOURS, COLOURS_OF_ADMIN = 64, 256
"""Of a picture's palette. Pages of a few plain colours need no more, and are small by it."""

VIEWS = tuple(
    Look(name=f"{colours}-{screen}", size=size, media=colours.media)
    for colours in (LIGHT, DARK)
    for screen, size in (("desktop", DESKTOP), ("phone", PHONE))
)

OURS = "/django_sms_otp/"
"""In the address of each style sheet of ours. Django's own may change with its releases."""

IN_ADMIN = "#content-main, .sms-otp-page"
"""What is ours in a page of the admin. What is around it may change with Django's releases."""

CHANGING = (
    r'(name="csrfmiddlewaretoken" value=)"[^"]*"',
    r'(name="tab" value=)"[^"]*"',
    r"((?:numbers/|number-|name=\"number\" value=\"))[\w-]+",
    r"(https?://localhost:)\d+",
    r'() style=""',  # Left behind by a screenshot.
)
"""What differs each time, behind what leads to it."""


def file_of(state: State, view: Look) -> Path:
    return FOLDER / f"{state}-{view}.png"


def digest_of(page: Page) -> str:
    """Return the same text for pages that look the same."""
    ours = page.locator(IN_ADMIN)
    html: str = ours.evaluate("part => part.outerHTML") if ours.count() else page.content()
    for pattern in CHANGING:
        html = re.sub(pattern, r"\1", html)
    styles: list[str] = page.evaluate(
        """(ours) => Promise.all([...document.styleSheets].map((each) => each.href)
             .filter((href) => href && href.includes(ours))
             .map((href) => fetch(href).then((answer) => answer.text())))""",
        OURS,
    )
    return hashlib.sha256("".join([html, *styles]).encode()).hexdigest()[:16]


def digest_in(file: Path) -> str:
    """Return the digest of what a picture was made of; empty if there is no picture."""
    if not file.exists():
        return ""
    with Image.open(file) as image:
        return str(image.info.get("page", ""))


def take(page: Page, state: State) -> None:
    """Make the pictures of a state."""
    about = PngInfo()
    about.add_text("page", digest_of(page))
    colours = COLOURS_OF_ADMIN if page.locator(IN_ADMIN).count() else COLOURS
    for view in VIEWS:
        view.apply(page)
        shot: bytes = page.screenshot(full_page=True, animations="disabled")
        with Image.open(io.BytesIO(shot)) as image:
            small = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
            small.save(file_of(state, view), optimize=True, pnginfo=about)
