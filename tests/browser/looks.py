"""How a page is looked at: on which screen, in which colours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["DARK", "DESKTOP", "FORCED", "LIGHT", "PHONE", "Look"]

DESKTOP, PHONE = (1280, 800), (375, 667)
"""Pixels of CSS."""


@dataclass(frozen=True, kw_only=True)
class Look:
    name: str
    size: tuple[int, int] = DESKTOP
    media: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def apply(self, page: Page) -> None:
        page.set_viewport_size({"width": self.size[0], "height": self.size[1]})
        page.emulate_media(**{"color_scheme": "light", "forced_colors": "none", **self.media})


LIGHT = Look(name="light")
DARK = Look(name="dark", media={"color_scheme": "dark"})
FORCED = Look(name="forced colours", media={"forced_colors": "active"})
