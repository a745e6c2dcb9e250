"""The catalogs: complete, compiled from what is committed, with the placeholders of the
original, and short enough for one SMS."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import django_sms_otp
from django_sms_otp.delivery.messages import count_segments
from django_sms_otp.purposes import BUILT_IN
from django_sms_otp.services import notices

PACKAGE = Path(django_sms_otp.__file__).parent
CATALOGS = sorted(PACKAGE.glob("locale/*/LC_MESSAGES/django.mo"))
LANGUAGES = [
    *("ar", "bn", "de", "es", "fa", "fr", "hi", "id", "it", "ja", "ko"),
    *("nl", "pl", "pt_BR", "ru", "th", "tr", "uk", "vi", "zh_Hans", "zh_Hant"),
]
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
IN_TEMPLATE = re.compile(r"""(?:{% translate |_\()["'](.*?)["'][ )]""")
BLOCK = re.compile(
    r"{% blocktranslate trimmed.*?%}(.*?)(?:{% plural %}|{% endblocktranslate %})", re.DOTALL
)
WORD = re.compile(r"[^\W\d_]+")
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)[ds]")

MESSAGES = [
    "Your code is {code}",
    *(str(each["message"]) for each in BUILT_IN.values() if "message" in each),
    *(
        str(getattr(notices, name))
        for name in ("ADDED", "REPLACED", "REMOVED", "PRIMARY", "MOVED")
    ),
    "This is a test message of %(site)s. It holds no code.",
]
"""What goes out as an SMS, in English."""

each_catalog = pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])


@cache
def catalog(path: Path) -> dict[str | tuple[str, int], str]:
    """Return the texts; those of a plural have its original and a number for a key."""
    with path.open("rb") as file:
        texts: dict[str | tuple[str, int], str] = vars(gettext.GNUTranslations(file))[
            "_catalog"
        ]
    return {key: text for key, text in texts.items() if key}


@cache
def texts_to_translate() -> frozenset[str]:
    """Find what ``makemessages`` would, without GNU gettext. Of a plural, the singular."""
    return frozenset([*_texts_in_code(), *_texts_in_templates()])


def _texts_in_code() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(text)), *_]):
                    if name in MARKS:
                        yield text


def _texts_in_templates() -> Iterator[str]:
    for path in PACKAGE.rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        yield from IN_TEMPLATE.findall(source)
        for block in BLOCK.findall(source):
            text = " ".join(line.strip() for line in block.strip().splitlines())
            yield re.sub(r"{{ *(\w+) *}}", r"%(\1)s", text)


def test_the_languages_are_those_that_the_docs_name() -> None:
    assert [path.parts[-3] for path in CATALOGS] == LANGUAGES


@each_catalog
def test_each_text_is_translated_and_no_other(path: Path) -> None:
    # What is fuzzy or empty is not compiled, but may have been before.
    source = path.with_suffix(".po").read_text(encoding="utf-8")
    assert not re.search("^#,.*fuzzy", source, re.MULTILINE)
    texts = {key if isinstance(key, str) else key[0] for key in catalog(path)}
    assert texts == texts_to_translate()
    assert all(catalog(path).values())


@each_catalog
def test_no_sentence_is_left_in_english(path: Path) -> None:
    same = {text for key, text in catalog(path).items() if key == text}
    words = {text: WORD.findall(PLACEHOLDER.sub("", text)) for text in same}
    assert [text for text, found in words.items() if len(found) > 2] == []


@each_catalog
def test_placeholders_are_those_of_the_original(path: Path) -> None:
    for key, text in catalog(path).items():
        original = key if isinstance(key, str) else key[0]
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(original)), text


@each_catalog
@pytest.mark.parametrize("original", MESSAGES)
def test_each_message_fits_one_segment(path: Path, original: str) -> None:
    text = catalog(path)[original]
    shown = {"code": "123456", "site": "example.com", "end": "71"}
    sms = text.replace("%(site)s", "{site}").format(**shown)
    signed = sms if "code" in original else f"example.com: {sms}"
    assert count_segments(signed) == 1, signed


@each_catalog
def test_each_compiled_catalog_is_that_of_its_source(path: Path) -> None:
    source = path.with_suffix(".po").read_text(encoding="utf-8")
    written = {_joined(block) for block in source.split("\n\n")}
    for key, text in catalog(path).items():
        original, form = key if isinstance(key, tuple) else (key, None)
        msgstr = "msgstr" if form is None else f"msgstr[{form}]"
        found = [block for block in written if _line("msgid", original) in block]
        assert any(_line(msgstr, text) in block for block in found), text


def _joined(block: str) -> str:
    """Return an entry of a catalog with each of its texts on one line."""
    return block.replace('""\n"', '"').replace('"\n"', "") + "\n"


def _line(name: str, text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name} "{escaped}"\n'
