"""Nothing is cut, and nobody scrolls to the side: small windows, much zoom, wide spacing."""

from __future__ import annotations

import pytest

from .conftest import NewPerson
from .looks import DESKTOP, Look
from .person import Person
from .scenes import State
from .states import STATES

SMALL = (
    Look(name="320 pixels", size=(320, 568)),
    # What 1280 x 1024 pixels are at 400 %.
    Look(name="400 % zoom", size=(320, 256)),
)

SPACING = """
* {
  line-height: 1.5 !important;
  letter-spacing: 0.12em !important;
  word-spacing: 0.16em !important;
}
p { margin-block-end: 2em !important; }
"""
"""WCAG 1.4.12."""

SET_STYLE = """(text) => {
  const style = new CSSStyleSheet();
  style.replaceSync(text);
  document.adoptedStyleSheets = [style];
}"""
"""A style sheet of the reader. Unlike an element, no policy of the page forbids it."""

CUT = """() => {
  const room = document.documentElement.clientWidth;
  const cut = document.documentElement.scrollWidth > room ? ["the page scrolls"] : [];
  for (const each of document.querySelectorAll("body *")) {
    const box = each.getBoundingClientRect();
    if (!box.width || each.matches("option")) continue;
    const isOut = box.left < 0 || box.right > room + 0.5;
    // The browser itself shortens the chosen country; its list shows it whole.
    const isCut = each.scrollWidth > each.clientWidth + 1
      && getComputedStyle(each).display !== "inline" && !each.matches("select");
    if (isOut || isCut) cut.push(each.outerHTML.slice(0, 120));
  }
  return cut;
}"""

SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary")]
  .filter((each) => {
    // A target of an error summary is in a sentence of its own, and stands there alone.
    const box = (each.closest("label") || each).getBoundingClientRect();
    return box.height && (box.height < 24 || box.width < 24);
  })
  .map((each) => each.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("state", STATES, ids=str)
def test_nothing_is_cut(state: State, new_person: NewPerson) -> None:
    person = new_person(locale=state.locale)
    state.reach(person)
    found: list[str] = []
    for look in (Look(name="desktop", size=DESKTOP), *SMALL):
        look.apply(person.page)
        for spacing in ("", SPACING):
            person.page.evaluate(SET_STYLE, spacing)
            where = f"{look}, {'wide spacing' if spacing else 'as it is'}"
            found += [f"{where}: {each}" for each in person.page.evaluate(CUT)]
            found += [f"{where}: small: {each}" for each in person.page.evaluate(SMALL_TARGETS)]
    assert found == []


def test_what_is_too_wide_is_found(person: Person) -> None:
    person.open()
    Look(name="small", size=(320, 568)).apply(person.page)
    person.page.evaluate(SET_STYLE, ".sms-otp h1 { white-space: nowrap; font-size: 9rem }")
    assert "the page scrolls" in person.page.evaluate(CUT)
