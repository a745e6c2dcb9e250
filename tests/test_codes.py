"""The secret in the SMS.

The vectors were computed without this package: with HMAC written out from RFC 2104, section 2,
over ``hashlib.sha256`` alone, and those of lengths 10 and of the fingerprint once more with
OpenSSL::

    SUB=$(printf 'django_sms_otp.codes.derive' |
        openssl dgst -sha256 -mac HMAC -macopt key:'correct horse battery staple' |
        awk '{print $NF}')
    printf '\\0\\0\\0\\0011\\0\\0\\0\\040%s\\0\\0\\0\\014%s\\0\\0\\0\\005login\\0\\0\\0\\0' \\
        000102030405060708090a0b0c0d0e0f +14155552671 |
        openssl dgst -sha256 -mac HMAC -macopt hexkey:$SUB

The last digits of that number in decimal are the code.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_sms_otp.codes import (
    code_in,
    derive_code,
    fingerprint,
    match_code,
    normalise_code,
)

KEY = b"correct horse battery staple"


PARTS = {
    "seed": "000102030405060708090a0b0c0d0e0f",
    "phone_number": "+14155552671",
    "purpose": "login",
    "context": "",
}


def changed(*, key: bytes = KEY, length: int = 6, **parts: str) -> str:
    return derive_code(key, length=length, **(PARTS | parts))


@pytest.mark.parametrize(
    ("length", "code"),
    [(4, "4231"), (5, "34231"), (6, "934231"), (8, "55934231"), (10, "8655934231")],
)
def test_codes_of_every_length_match_the_vectors(length: int, code: str) -> None:
    assert changed(length=length) == code


def test_leading_zeros_are_kept() -> None:
    assert changed(seed="000000000000000000000000000000fc") == "000976"


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"purpose": "verify_phone"}, "201797"),
        ({"phone_number": "+14155552672"}, "561646"),
        ({"context": '{"amount": "50.00 EUR"}'}, "565385"),
        ({"seed": "f" * 32}, "247998"),
    ],
    ids=["purpose", "phone_number", "context", "seed"],
)
def test_each_part_makes_another_code(part: dict[str, str], code: str) -> None:
    assert changed(key=KEY, length=6, **part) == code


def test_another_key_makes_another_code() -> None:
    assert changed(key=b"k" * 100) == "301186"


def test_the_fingerprint_matches_its_vector() -> None:
    assert fingerprint(KEY) == "745bce1cb601a32d"


def test_keys_have_fingerprints_of_their_own() -> None:
    assert fingerprint(b"one") != fingerprint(b"two")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("1", "23"), ("12", "3")),
        (("", "123"), ("123", "")),
        (("\x00\x00\x00\x01", ""), ("", "\x00\x00\x00\x01")),
    ],
)
def test_where_one_part_ends_and_the_next_begins_matters(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    first = changed(phone_number=one[0], purpose=one[1], length=10)
    second = changed(phone_number=other[0], purpose=other[1], length=10)
    assert first != second


def test_all_codes_are_about_equally_likely() -> None:
    drawn = 10_000
    codes = [changed(seed=f"{number:032x}") for number in range(drawn)]
    for place in range(6):
        seen = Counter(code[place] for code in codes)
        expected = drawn / 10
        chi_square = sum((seen[digit] - expected) ** 2 / expected for digit in "0123456789")
        # Nine degrees of freedom: a fair source exceeds 40 once in 10^5 draws.
        assert chi_square < 40


@pytest.mark.parametrize(
    "typed",
    [
        "012345",
        "012 345",
        " 012345\n",
        "\t012345\r\n",
        "0 1 2 3 4 5",
        "012-345",
        "012\N{NO-BREAK SPACE}345",
        "012\N{NARROW NO-BREAK SPACE}345",
        "012\N{THIN SPACE}345",
        "012\N{HYPHEN}345",
        "012\N{NON-BREAKING HYPHEN}345",
        "012\N{EN DASH}345",
        "012\N{EM DASH}345",
        "012\N{MINUS SIGN}345",
        "\N{FULLWIDTH DIGIT ZERO}\N{FULLWIDTH DIGIT ONE}2345",
        "٠١٢٣٤٥",
        "۰۱۲۳۴۵",
        "०१२३४५",
        "০১২৩৪৫",
        "\N{LEFT-TO-RIGHT MARK}012345\N{RIGHT-TO-LEFT MARK}",
        "\N{LEFT-TO-RIGHT ISOLATE}012345\N{POP DIRECTIONAL ISOLATE}",
        "\N{RIGHT-TO-LEFT EMBEDDING}012345\N{POP DIRECTIONAL FORMATTING}",
        "\N{ZERO WIDTH SPACE}012345\N{ZERO WIDTH NO-BREAK SPACE}",
        "\N{SOFT HYPHEN}012\N{WORD JOINER}345\N{VARIATION SELECTOR-16}",
    ],
)
def test_digits_are_read_however_they_were_typed_or_pasted(typed: str) -> None:
    assert normalise_code(typed) == "012345"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " - ",
        "01234a",
        "O12345",
        "0x12345",
        "+12345",
        "12345.0",
        "1,234",
        "12_345",
        "²12345",
        "①12345",
        "Ⅷ12345",
        "三12345",
        "½12345",
        "012345\x00",
        "\x00",
        "012345😀",
        "😀",
        "01234\ud800",
        "1" * 10_000,
        "1" * 65,
        " " * 10_000,
    ],
)
def test_anything_else_is_no_code(typed: str) -> None:
    assert normalise_code(typed) == ""


@pytest.mark.parametrize(
    "text",
    [
        "012345",
        "012345 is your Shop 24 code",
        "Your code is 012345\n@example.com #012345",
        "٠١٢٣٤٥ 012345",
        "012345, not 12345",
    ],
)
def test_a_whole_message_holds_one_code(text: str) -> None:
    assert code_in(text, 6) == "012345"


@pytest.mark.parametrize(
    "text",
    ["", "012 345", "01234", "0123456", "012345 or 543210", "a" * 1000 + "012345", "no digits"],
)
def test_any_other_text_is_a_guess_as_it_is(text: str) -> None:
    assert code_in(text, 6) == text


@given(st.text())
def test_any_text_is_normalised_to_ascii_digits(typed: str) -> None:
    normalised = normalise_code(typed)
    assert normalised == "" or (normalised.isascii() and normalised.isdecimal())


@given(
    code=st.text("0123456789", min_size=4, max_size=10),
    script=st.sampled_from(["DIGIT", "ARABIC-INDIC DIGIT", "THAI DIGIT", "KHMER DIGIT"]),
    separator=st.sampled_from(["", " ", "-", "\N{NO-BREAK SPACE}"]),
)
def test_a_code_in_any_script_matches_itself(code: str, script: str, separator: str) -> None:
    names = ["ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"]
    typed = separator.join(
        unicodedata.lookup(f"{script} {names[int(digit)]}") for digit in code
    )
    assert match_code(code, typed)


@pytest.mark.parametrize(
    "typed",
    ["", "012346", "12345", "0012345", "0123450", "01234", "012345 012345", "😀", "\ud800"],
)
def test_a_wrong_code_does_not_match(typed: str) -> None:
    assert not match_code("012345", typed)


def test_codes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare_digest(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return True

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    assert match_code("012345", "999 999")
    assert compared == [(b"012345", b"999999")]
