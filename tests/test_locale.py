"""The catalogs: complete, compiled from what is committed, with the placeholders of the
original."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import django_sms_otp
from django_sms_otp.delivery.messages import count_segments

PACKAGE = Path(django_sms_otp.__file__).parent
CATALOGS = sorted(PACKAGE.glob("locale/*/LC_MESSAGES/django.mo"))
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
IN_TEMPLATE = re.compile(r'{% \w*trans\w* "?(.*?)"? %}')
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)[ds]")


def catalog(path: Path) -> dict[str | tuple[str, int], str]:
    """Return the texts; those of a plural have its original and a number for a key."""
    with path.open("rb") as file:
        texts: dict[str | tuple[str, int], str] = vars(gettext.GNUTranslations(file))[
            "_catalog"
        ]
    return {key: text for key, text in texts.items() if key}


def entries(path: Path) -> dict[str, str]:
    return {key: text for key, text in catalog(path).items() if isinstance(key, str)}


def texts_to_translate() -> Iterator[str]:
    """Find what ``makemessages`` would, without GNU gettext. Of a plural, the singular."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(text)), *_]):
                    if name in MARKS:
                        yield text
    for path in PACKAGE.rglob("*.html"):
        yield from IN_TEMPLATE.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_each_text_is_translated_and_no_other(path: Path) -> None:
    # What is fuzzy or empty is not compiled, but may have been before.
    source = path.with_suffix(".po").read_text(encoding="utf-8")
    assert not re.search("^#,.*fuzzy", source, re.MULTILINE)
    texts = {key if isinstance(key, str) else key[0] for key in catalog(path)}
    assert texts == set(texts_to_translate())
    assert all(catalog(path).values())


def test_there_are_catalogs() -> None:
    assert [path.parts[-3] for path in CATALOGS] == ["de", "es", "fr"]


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_placeholders_are_those_of_the_original(path: Path) -> None:
    for key, text in catalog(path).items():
        original = key if isinstance(key, str) else key[0]
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(original))


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_the_message_fits_one_segment(path: Path) -> None:
    text = entries(path)["Your code is {code}"].format(code="0000000000")
    assert count_segments(text) == 1


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_each_compiled_catalog_is_that_of_its_source(path: Path) -> None:
    source = path.with_suffix(".po").read_text(encoding="utf-8")
    joined = re.sub(r'"\n"', "", source)
    for original, text in entries(path).items():
        assert f'msgid "{original}"\nmsgstr "{text}"' in joined
