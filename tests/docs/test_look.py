"""The example of a look of a site's own: it is linked, and everybody can read it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client, override_settings

from .pages import ROOT, Block, blocks

DARK = "@media (prefers-color-scheme: dark) {"
TEXT = 4.5
"""The contrast of text at least (WCAG 2.2, 1.4.3)."""

STYLE = "django_sms_otp/static/django_sms_otp/web/login.css"


def example(title: str) -> Block:
    [block] = [each for each in blocks(ROOT / "docs/pages.md") if each.title.endswith(title)]
    return block


def properties(css: str, *, dark: bool) -> dict[str, str]:
    """Return the colours of a style sheet by their names. A later one wins."""
    light, _, rest = css.partition(DARK)
    text = light + (rest.partition("\n}")[0] if dark else "")
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]+);", text))


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_in_the_colours_of_the_example_can_be_read(dark: bool) -> None:
    ours = (ROOT / STYLE).read_text(encoding="utf-8")
    theirs = properties(example("static/shop/login.css").text, dark=dark)
    for look in (properties(ours, dark=dark), properties(ours, dark=dark) | theirs):
        accent = look["--sms-otp-accent"]
        for ground in ("--sms-otp-card", "--sms-otp-page", "--sms-otp-on-accent"):
            assert contrast(accent, look[ground]) >= TEXT, ground


def test_the_example_is_linked_after_our_style_sheet(client: Client, tmp_path: Path) -> None:
    block = example("web/base.html")
    file = tmp_path / "django_sms_otp/web/base.html"
    file.parent.mkdir(parents=True)
    file.write_text(block.text, encoding="utf-8")
    templates = [{**django_settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    with override_settings(TEMPLATES=templates):
        html = client.get("/login/").content.decode()
    found = re.findall(r'<link rel="stylesheet" href="([^"]*)"', html)
    assert found == ["/static/django_sms_otp/web/login.css", "/static/shop/login.css"]
