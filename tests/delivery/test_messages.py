"""What the SMS says, and how many segments that takes."""

from __future__ import annotations

import struct
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client, override_settings
from django.utils import translation
from django.utils.translation import gettext_lazy

from django_sms_otp.conf import get_settings
from django_sms_otp.delivery import messages
from django_sms_otp.delivery.messages import count_segments, longest_renderings, site_name
from django_sms_otp.purposes import LOGIN
from django_sms_otp.testing import outbox, override_sms_otp

TEN_MINUTES = timedelta(minutes=10)

# 3GPP TS 23.038, 6.2.1, row by row of sixteen; 0x1B is the escape and no character.
GSM_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
GSM_EXTENSION = "\f^{}\\[~]|€"
EMOJI = "🔑"


def compose(code: str, *, valid_for: timedelta) -> str:
    return messages.compose(code, get_settings().purpose(LOGIN), valid_for=valid_for)


def renderings_of_logins() -> list[tuple[str, str]]:
    return [
        (language, text)
        for purpose, language, text in longest_renderings()
        if purpose.name == LOGIN
    ]


def write_catalogue(folder: Path, language: str, entries: dict[str, str]) -> Path:
    """Write a compiled catalogue of translations, as msgfmt does."""
    header = "Content-Type: text/plain; charset=UTF-8\n"
    pairs = sorted({"": header, **entries}.items())
    encoded = [(source.encode(), target.encode()) for source, target in pairs]
    count, tables = len(encoded), 28
    position = tables + 16 * count
    places: list[tuple[int, int]] = []
    texts = b""
    for text in [source for source, _ in encoded] + [target for _, target in encoded]:
        places.append((len(text), position + len(texts)))
        texts += text + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, count, tables, tables + 8 * count, 0, 0)
    index = b"".join(struct.pack("<2I", *place) for place in places)
    target = folder / language / "LC_MESSAGES" / "django.mo"
    target.parent.mkdir(parents=True)
    target.write_bytes(head + index + texts)
    return folder


# The text


def test_the_default_text() -> None:
    assert compose("012345", valid_for=TEN_MINUTES) == "Your code is 012345"


@pytest.mark.parametrize(
    ("valid_for", "minutes"),
    [
        (timedelta(hours=1), 60),
        (timedelta(minutes=10), 10),
        (timedelta(minutes=9, seconds=59.9), 9),
        (timedelta(minutes=2), 2),
        (timedelta(minutes=1, seconds=59), 1),
        (timedelta(seconds=59), 1),
        (timedelta(0), 1),
        (timedelta(seconds=-90), 1),
    ],
)
@override_sms_otp(MESSAGE="{minutes}:{code}")
def test_minutes_are_the_full_ones_left_and_at_least_one(
    valid_for: timedelta, minutes: int
) -> None:
    assert compose("1234", valid_for=valid_for) == f"{minutes}:1234"


# The name of the site


@override_sms_otp(MESSAGE="{code} {site}", SITE_NAME="Tom & Jerry")
def test_the_site_is_what_the_setting_says() -> None:
    assert compose("123456", valid_for=TEN_MINUTES) == "123456 Tom & Jerry"


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        (["shop.example", "www.shop.example"], "shop.example"),
        ([".shop.example"], "shop.example"),
        (["*", "shop.example"], "shop.example"),
        (["*"], None),
        ([], None),
        ([""], None),
    ],
)
def test_without_a_name_the_site_is_the_first_host_that_is_one(
    hosts: list[str], name: str | None
) -> None:
    with override_settings(ALLOWED_HOSTS=hosts):
        assert site_name() == name


@pytest.mark.django_db
@override_settings(ALLOWED_HOSTS=["*", "shop.example"])
def test_the_site_is_never_what_the_request_says(client: Client) -> None:
    with override_sms_otp(MESSAGE="{code} {site}"):
        answer = client.post(
            "/auth/sms/get-code/",
            {"phone_number": "+14155552671"},
            content_type="application/json",
            headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
        )

    assert answer.status_code == 202
    assert outbox[-1].body.endswith(" shop.example")
    assert "evil" not in outbox[-1].body


# The last line


@override_sms_otp(ORIGIN="example.com")
def test_the_origin_is_bound_by_the_last_line_and_nothing_follows() -> None:
    text = compose("123456", valid_for=TEN_MINUTES)

    assert text == "Your code is 123456\n@example.com #123456"


@override_sms_otp(ORIGIN="example.com", MESSAGE="sms/login.txt", SITE_NAME="Shop")
def test_the_origin_is_bound_by_the_last_line_of_a_template_too() -> None:
    *first, last = compose("123456", valid_for=TEN_MINUTES).split("\n")

    assert first == ["Your Shop code is 123456. It is good for 10 minutes."]
    assert last == "@example.com #123456"


def test_without_an_origin_there_is_one_line() -> None:
    assert "\n" not in compose("123456", valid_for=TEN_MINUTES)
    assert "@" not in compose("123456", valid_for=TEN_MINUTES)


# Templates and translations


@override_sms_otp(MESSAGE="sms/login.txt", SITE_NAME='Tom & Jerry\'s <"shop">')
def test_a_template_is_filled_in_without_escaping() -> None:
    text = compose("123456", valid_for=TEN_MINUTES)

    assert text == ('Your Tom & Jerry\'s <"shop"> code is 123456. It is good for 10 minutes.')


@override_sms_otp(SITE_NAME="{code} {minutes}", MESSAGE="{site} {code}")
def test_braces_in_the_name_of_the_site_mean_nothing() -> None:
    assert compose("123456", valid_for=TEN_MINUTES) == "{code} {minutes} 123456"


@pytest.mark.parametrize("message", ["Code: {code}", gettext_lazy("Code: {code}")])
def test_a_message_is_translated_to_the_active_language(tmp_path: Path, message: Any) -> None:
    folder = write_catalogue(tmp_path, "de", {"Code: {code}": "Ihr Code: {code}"})

    with override_settings(LOCALE_PATHS=[folder]), override_sms_otp(MESSAGE=message):
        with translation.override("de"):
            assert compose("123456", valid_for=TEN_MINUTES) == "Ihr Code: 123456"
        with translation.override("en"):
            assert compose("123456", valid_for=TEN_MINUTES) == "Code: 123456"


# Segments


def short(value: object) -> str | None:
    """Name a long text in the report by its length and its last character."""
    return f"{len(value)}{value[-1:]!a}" if isinstance(value, str) else None


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("a" * 459, "GSM-7", 3),
        ("a" * 460, "GSM-7", 4),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("a" * 158 + "€", "GSM-7", 1),
        ("a" * 159 + "€", "GSM-7", 2),
        ("ж" * 70, "UCS-2", 1),
        ("ж" * 71, "UCS-2", 2),
        ("ж" * 134, "UCS-2", 2),
        ("ж" * 135, "UCS-2", 3),
        ("a" * 69 + "ж", "UCS-2", 1),
        ("a" * 70 + "ж", "UCS-2", 2),
        ("a" * 68 + EMOJI, "UCS-2", 1),
        ("a" * 69 + EMOJI, "UCS-2", 2),
        (EMOJI * 35, "UCS-2", 1),
        (EMOJI * 36, "UCS-2", 2),
        # Outside of GSM-7 the extension characters count one again.
        ("€" * 69 + "ж", "UCS-2", 1),
    ],
    ids=short,
)
def test_segments(text: str, encoding: str, segments: int) -> None:
    found = count_segments(text)

    assert (found, found.encoding) == (segments, encoding)


# 3GPP TS 23.040, 9.2.3.24.1: neither an escape sequence nor a character is split.
@pytest.mark.parametrize(
    ("text", "segments"),
    [
        # 76 of them fill 152 of 153 septets.
        ("€" * 152, 2),
        ("€" * 153, 3),
        # 33 of them fill 66 of 67 units.
        (EMOJI * 66, 2),
        (EMOJI * 67, 3),
    ],
    ids=short,
)
def test_a_character_of_two_units_is_not_split_over_two_segments(
    text: str, segments: int
) -> None:
    assert count_segments(text) == segments


@pytest.mark.parametrize("char", GSM_TABLE)
def test_a_character_of_the_table_is_one_septet(char: str) -> None:
    assert (count_segments(char * 160), count_segments(char * 161)) == (1, 2)
    assert count_segments(char).encoding == "GSM-7"


@pytest.mark.parametrize("char", GSM_EXTENSION)
def test_a_character_of_the_extension_is_two_septets(char: str) -> None:
    assert (count_segments(char * 80), count_segments(char * 81)) == (1, 2)
    assert count_segments(char).encoding == "GSM-7"


@pytest.mark.parametrize("char", "`çáíóúëï\u2013\u2019\u201c\u2026\t\xa0я漢\x1b")
def test_every_other_character_makes_it_ucs_2(char: str) -> None:
    assert count_segments(char).encoding == "UCS-2"


def test_the_table_here_is_whole() -> None:
    assert len(set(GSM_TABLE)) == 127
    assert len(set(GSM_EXTENSION)) == 10


# What a check looks at


@override_sms_otp(
    CODE_LENGTH=8, CODE_LIFETIME=timedelta(minutes=15), MESSAGE="{minutes} {code}"
)
def test_the_longest_text_has_a_whole_code_and_the_whole_lifetime() -> None:
    assert renderings_of_logins() == [("en-us", "15 00000000")]


def test_djangos_own_list_of_languages_is_no_choice_of_the_site() -> None:
    assert len(django_settings.LANGUAGES) > 50
    assert [language for language, _ in renderings_of_logins()] == ["en-us"]


def test_each_language_that_the_site_speaks_is_rendered(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path, "de", {"Code: {code}": "Ihr Code: {code}"})
    languages = [("en", "English"), ("de", "Deutsch")]

    with (
        override_settings(LANGUAGES=languages, LANGUAGE_CODE="en", LOCALE_PATHS=[folder]),
        override_sms_otp(MESSAGE="Code: {code}"),
    ):
        found = renderings_of_logins()

    assert found == [("en", "Code: 000000"), ("de", "Ihr Code: 000000")]


@override_settings(LANGUAGES=[("en", "English"), ("de", "Deutsch")], USE_I18N=False)
def test_without_translations_only_the_language_of_the_site_is_rendered() -> None:
    assert [language for language, _ in renderings_of_logins()] == ["en-us"]


def test_the_language_of_the_caller_is_left_alone() -> None:
    with translation.override("fr"):
        list(longest_renderings())
        assert translation.get_language() == "fr"
