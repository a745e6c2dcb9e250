"""Nothing is cut, and nobody scrolls to the side: small windows, much zoom, wide spacing."""

from __future__ import annotations

import pytest

from .conftest import NewPerson
from .looks import DARK, DESKTOP, FORCED, LIGHT, Look
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


COLOURS = """() => {
  const style = (name) => getComputedStyle(document.querySelector(name));
  return [style(".sms-otp-card").backgroundColor, style("#id_remember").colorScheme];
}"""

IN_THE_LIGHT, IN_THE_DARK = ["rgb(255, 255, 255)", "light"], ["rgb(24, 27, 33)", "dark"]


def test_a_form_in_a_page_of_the_site_is_dark_only_if_the_page_is(person: Person) -> None:
    DARK.apply(person.page)
    person.open("/login/")
    assert person.page.evaluate(COLOURS) == IN_THE_DARK
    person.open("/")
    assert person.page.evaluate(COLOURS) == IN_THE_LIGHT
    person.page.evaluate("document.documentElement.className = 'sms-otp-dark'")
    assert person.page.evaluate(COLOURS) == IN_THE_DARK
    LIGHT.apply(person.page)
    assert person.page.evaluate(COLOURS) == IN_THE_LIGHT


def test_colours_of_the_site_win(person: Person) -> None:
    DARK.apply(person.page)
    person.open("/login/")
    person.page.evaluate(SET_STYLE, ":root { --sms-otp-card: rgb(1, 2, 3) }")
    assert person.page.evaluate(COLOURS)[0] == "rgb(1, 2, 3)"


ARROW = """() => {
  const arrow = getComputedStyle(document.querySelector(".sms-otp-list"), "::after");
  return [parseFloat(arrow.left), parseFloat(arrow.right), arrow.borderBottomStyle];
}"""


@pytest.mark.parametrize("locale", ["en-US", "ar"])
def test_the_arrow_of_the_list_stands_away_from_its_end(
    new_person: NewPerson, locale: str
) -> None:
    person = new_person(locale=locale)
    person.open()
    for look in (LIGHT, FORCED):
        look.apply(person.page)
        left, right, edge = person.page.evaluate(ARROW)
        assert (left if locale == "ar" else right) == 16
        assert edge == "solid"
