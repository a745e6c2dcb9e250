"""Phone numbers: what is read as one, what is refused, what is shown."""

from __future__ import annotations

import logging
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_sms_otp.exceptions import (
    InvalidPhoneNumber,
    NotSMSCapable,
    PhoneNumberError,
    RegionNotSupported,
)
from django_sms_otp.phone import PhoneNumber, mask, parse_phone_number, reading

E164 = "+14155552671"

VALID_NUMBERS = [
    number
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (
        number := phonenumbers.example_number_for_type(
            region, phonenumbers.PhoneNumberType.MOBILE
        )
    )
]


@pytest.mark.parametrize(
    "text",
    [
        "+14155552671",
        "+1 415 555 2671",
        "+1 (415) 555-2671",
        "+1.415.555.2671",
        "+1/415/555/2671",
        "+1-415-555-2671",
        "  +14155552671  ",
        "+1\N{NO-BREAK SPACE}415\N{NO-BREAK SPACE}555\N{NO-BREAK SPACE}2671",
        "+1\N{NARROW NO-BREAK SPACE}415 555\N{IDEOGRAPHIC SPACE}2671",
        "+1\N{HYPHEN}415\N{NON-BREAKING HYPHEN}555\N{EN DASH}2671",
        "\N{FULLWIDTH PLUS SIGN}１４１５５５５２６７１",  # noqa: RUF001  (what is typed in Japan)
        "+١٤١٥٥٥٥٢٦٧١",
        "+۱۴۱۵۵۵۵۲۶۷۱",
        "+१४१५५५५२६७१",
        "\u2068+1 415-555-2671\u2069",
        "\u202a+1\u200b (415)\u00ad 555\u2060-2671\u202c\ufeff",
        "\u200e+1\ufe0f 415 555 2671\u200f",
        "+1\N{EM DASH}415\N{MINUS SIGN}555\N{FIGURE DASH}2671",
        "tel:+1-415-555-2671",
        "TEL:\u2066+1(415)555-2671\u2069\n",
        "+1 415 555 2671".ljust(40),
    ],
)
def test_many_writings_of_a_number_give_one_e164(text: str) -> None:
    assert parse_phone_number(text).e164 == E164


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("(415) 555-2671", "US", "+14155552671"),
        ("415 555 2671", "US", "+14155552671"),
        ("0044 7400 123456", "DE", "+447400123456"),
        ("011 44 7400 123456", "US", "+447400123456"),
        ("07400 123456", "GB", "+447400123456"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("+44 7400 123456", "US", "+447400123456"),
    ],
)
def test_a_default_region_reads_national_and_00_writings(
    text: str, region: str, e164: str
) -> None:
    assert parse_phone_number(text, default_region=region).e164 == e164


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("+44 (0) 7400 123456", "+447400123456"),
        ("+39 (0) 333 1234567", "+393331234567"),
        ("tel:+39-(0)333-1234567", "+393331234567"),
        ("+225 (0)7 12 34 56 78", "+2250712345678"),
    ],
)
def test_the_zero_of_callers_at_home_is_dropped_where_it_is_no_digit(
    text: str, e164: str
) -> None:
    assert parse_phone_number(text).e164 == e164


ONE_LINE = {
    "+5491123456789": [
        "+54 9 11 2345 6789",
        "+54 11 2345 6789",
        "+54 11 15 2345 6789",
        "+54 (0) 11 15-2345-6789",
    ],
    "+525512345678": ["+52 55 1234 5678", "+52 1 55 1234 5678", "+52 044 55 1234 5678"],
    "+970592123456": ["+970 59 212 3456", "+972 59 212 3456", "+972 (0)59-212-3456"],
    "+3780549886377": ["+378 0549 886377", "+39 0549 886377", "+378 886377"],
}


@pytest.mark.parametrize(
    ("e164", "text"), [(e164, text) for e164, texts in ONE_LINE.items() for text in texts]
)
def test_one_line_is_one_number_however_its_country_writes_it(e164: str, text: str) -> None:
    assert parse_phone_number(text, refused_types=()).e164 == e164


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        pytest.param("+54 800 123 4567", "+548001234567", id="toll_free"),
        pytest.param("+972 52 212 3456", "+972522123456", id="israeli"),
        pytest.param("+39 06 6982", "+39066982", id="italian"),
        pytest.param("+55 11 8765 4321", "+551187654321", id="brazilian_of_before_2012"),
    ],
)
def test_other_numbers_of_these_countries_stay_as_they_are(text: str, e164: str) -> None:
    assert parse_phone_number(text, refused_types=()).e164 == e164


class OthersNumber:
    """A number as django-phonenumber-field has it, where the site shows national ones."""

    def __init__(self, as_e164: str) -> None:
        self.as_e164 = as_e164

    def __len__(self) -> int:
        return len(str(self))

    def __str__(self) -> str:
        return "55 1234 5678"

    def __hash__(self) -> int:
        return hash(self.as_e164)

    def __eq__(self, other: object) -> bool:
        return other in (self.as_e164, str(self))


@pytest.mark.parametrize("is_warm", [False, True])
def test_of_a_number_object_only_the_e164_text_is_read(is_warm: bool) -> None:
    reading._read.cache_clear()
    if is_warm:
        parse_phone_number("55 1234 5678", default_region="DE", refused_types=())
    number = parse_phone_number(OthersNumber("+525512345678"), default_region="DE")
    assert number.e164 == "+525512345678"
    assert parse_phone_number(number) == number


def test_a_number_object_without_its_country_code_is_refused() -> None:
    with pytest.raises(InvalidPhoneNumber):
        parse_phone_number(OthersNumber("5512345678"), default_region="MX")


@pytest.mark.parametrize("value", [None, 14155552671, b"+14155552671", ["+14155552671"]])
def test_what_is_no_text_is_refused_with_what_to_pass(value: Any) -> None:
    with pytest.raises(TypeError, match=r"as a str such as '\+14155552671', not "):
        parse_phone_number(value)


@pytest.mark.parametrize("text", ["1512345678.0", "1512345678,00", "+4915123456780.0"])
def test_a_number_that_a_spreadsheet_made_a_fraction_is_refused(text: str) -> None:
    with pytest.raises(InvalidPhoneNumber):
        parse_phone_number(text, default_region="DE")


@pytest.mark.parametrize("text", ["4155552671", "07400 123456", "0044 7400 123456"])
def test_without_a_default_region_a_number_needs_its_plus(text: str) -> None:
    with pytest.raises(InvalidPhoneNumber):
        parse_phone_number(text)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+1 876 555 1234", "JM"),
        ("+1 809 234 5678", "DO"),
        ("+1 415 555 2671", "US"),
        ("+44 7911 123456", "GG"),
        ("+44 7624 123456", "IM"),
        ("+44 7400 123456", "GB"),
        ("+7 701 234 5678", "KZ"),
        ("+7 912 345 6789", "RU"),
    ],
)
def test_regions_with_a_shared_country_code_are_told_apart(text: str, region: str) -> None:
    assert parse_phone_number(text).region == region


def test_where_numbers_of_no_type_pass_they_have_the_right_length() -> None:
    nobodys = "+1 555 012 3456"
    assert parse_phone_number(nobodys, refused_types=()).e164 == "+15550123456"
    with pytest.raises(InvalidPhoneNumber):
        parse_phone_number("+1 555 012", refused_types=())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("+1 900 234 5678", id="premium"),
        pytest.param("+44 8431 234567", id="premium_gb"),
        pytest.param("+34 902 123456", id="shared_cost"),
        pytest.param("+1 800 234 5678", id="toll_free"),
        pytest.param("+44 7640 123456", id="pager"),
    ],
)
def test_numbers_that_take_no_sms_or_cost_extra_are_refused(text: str) -> None:
    with pytest.raises(NotSMSCapable) as caught:
        parse_phone_number(text)
    assert caught.value.code == "phone_number_not_sms_capable"


@pytest.mark.parametrize("text", ["+870 773111632", "+881 612345678", "+882 1012345678"])
def test_satellite_numbers_are_of_no_supported_region(text: str) -> None:
    with pytest.raises(RegionNotSupported) as caught:
        parse_phone_number(text)
    assert caught.value.code == "region_not_supported"


def test_a_site_may_allow_satellite_numbers() -> None:
    number = parse_phone_number("+881 612345678", allowed_regions=["001"])
    assert (number.e164, number.region) == ("+881612345678", "001")


@pytest.mark.parametrize("text", ["+1 201 555 0123", "+1 416 555 0123", "+52 55 1234 5678"])
def test_numbers_that_may_be_fixed_or_mobile_pass(text: str) -> None:
    number = phonenumbers.parse(parse_phone_number(text).e164)
    either = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
    assert phonenumbers.number_type(number) == either


def test_only_allowed_regions_pass() -> None:
    assert parse_phone_number(E164, allowed_regions=["US", "CA"]).region == "US"
    with pytest.raises(RegionNotSupported):
        parse_phone_number("+447400123456", allowed_regions=["US", "CA"])


def test_allowing_a_region_does_not_allow_its_neighbours_of_the_same_code() -> None:
    with pytest.raises(RegionNotSupported):
        parse_phone_number("+1 876 555 1234", allowed_regions=["US"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("   ", id="blank"),
        pytest.param("+", id="plus_alone"),
        pytest.param("+1", id="code_alone"),
        pytest.param("+999 1234567", id="no_such_country"),
        pytest.param("+1 415 555 267", id="too_short"),
        pytest.param("+1 415 555 26711", id="too_many_digits"),
        pytest.param("+1 100 555 2671", id="no_such_area"),
        pytest.param("+1 415 555 2671".ljust(41), id="too_long"),
        pytest.param("+1 415 555 2671" + "\u200b" * 40, id="too_many_marks"),
        pytest.param("+1" + "4" * 10_000, id="ten_thousand_digits"),
        pytest.param("1-800-FLOWERS", id="letters"),
        pytest.param("+1 800 FLOWERS", id="letters_with_plus"),
        pytest.param("+1 415 555 2671 ext. 5", id="extension"),
        pytest.param("+1 415 555 2671 x5", id="x_extension"),
        pytest.param("+1 415 555 2671;ext=5", id="rfc_3966_extension"),
        pytest.param("+1 415 555 2671#5", id="hash_extension"),
        pytest.param("sip:+14155552671", id="another_uri"),
        pytest.param("tel:tel:+14155552671", id="two_uris"),
        pytest.param("415 555 2671;phone-context=+1", id="phone_context"),
        pytest.param("+1415555\x002671", id="nul"),
        pytest.param("+1415555\n2671", id="line_end"),
        pytest.param("+1415555😀2671", id="emoji"),
        pytest.param("+1415555\ud8002671", id="lone_surrogate"),
        pytest.param("<script>", id="markup"),
    ],
)
def test_what_is_no_phone_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidPhoneNumber) as caught:
        parse_phone_number(text, default_region=None)
    assert caught.value.code == "invalid_phone_number"


@pytest.mark.parametrize("text", ["1-800-FLOWERS", "415 555 2671 ext. 5"])
def test_a_default_region_does_not_let_letters_in(text: str) -> None:
    with pytest.raises(InvalidPhoneNumber):
        parse_phone_number(text, default_region="US")


def test_errors_do_not_repeat_the_number() -> None:
    with pytest.raises(PhoneNumberError) as caught:
        parse_phone_number("+1 900 234 5678")
    assert "5678" not in str(caught.value)


@pytest.mark.parametrize(
    ("e164", "masked"),
    [
        ("+14155552671", "+1********71"),
        ("+447400123456", "+44********56"),
        ("+358401234567", "+358*******67"),
        ("+881612345678", "+881*******78"),
        ("+12", "+**"),
        ("+123", "+***"),
        ("+1234", "+1*34"),
        ("+9991234567", "+********67"),
        ("", "+"),
    ],
)
def test_a_mask_keeps_the_country_code_and_the_last_two_digits(e164: str, masked: str) -> None:
    assert mask(e164) == masked


def test_a_phone_number_is_masked_wherever_it_is_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    number = parse_phone_number(E164)
    logging.getLogger("django_sms_otp").warning("%s %r", number, number)
    written = [str(number), f"{number}", f"{number!r}", repr([number]), caplog.text]
    assert [text for text in written if "5552" in text] == []
    assert str(number) == number.masked == "+1********71"


def test_phone_numbers_are_frozen_values() -> None:
    assert parse_phone_number("+1 415 555 2671") == PhoneNumber(e164=E164, region="US")
    with pytest.raises(AttributeError):
        parse_phone_number(E164).e164 = "+1"  # type: ignore[misc]


@given(text=st.text(), region=st.sampled_from([None, "US", "DE", "KZ", "??"]))
def test_any_text_gives_a_number_or_our_error(text: str, region: str | None) -> None:
    try:
        number = parse_phone_number(text, default_region=region)
    except PhoneNumberError:
        return
    assert number.e164.removeprefix("+").isdecimal()
    assert len(number.e164) <= 16


@given(
    text=st.text(
        alphabet=st.one_of(
            st.sampled_from("+0123456789 ()-./,~;=xX#"),
            st.characters(categories=["Nd", "Pd", "Zs", "Cf", "Cs", "No"]),
        ),
        max_size=20,
    ),
    region=st.sampled_from([None, "US", "DE"]),
)
def test_text_much_like_a_number_gives_a_number_or_our_error(
    text: str, region: str | None
) -> None:
    try:
        number = parse_phone_number(text, default_region=region)
    except PhoneNumberError:
        return
    assert parse_phone_number(number.e164) == number


@given(
    example=st.sampled_from(VALID_NUMBERS),
    writing=st.sampled_from(
        [
            phonenumbers.PhoneNumberFormat.E164,
            phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        ]
    ),
)
def test_every_countrys_mobile_number_round_trips(
    example: phonenumbers.PhoneNumber, writing: int
) -> None:
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    number = parse_phone_number(phonenumbers.format_number(example, writing))
    assert number.e164 == e164
    assert parse_phone_number(number.e164) == number


@given(example=st.sampled_from(VALID_NUMBERS))
def test_a_mask_never_shows_more_than_the_country_code_and_two_digits(
    example: phonenumbers.PhoneNumber,
) -> None:
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    masked = mask(e164)
    country_code = str(example.country_code)
    assert masked.startswith(f"+{country_code}*")
    assert len(masked) == len(e164)
    assert masked.removeprefix(f"+{country_code}").strip("*") == e164[-2:]


@given(digits=st.text("0123456789", max_size=40))
def test_a_mask_of_any_digits_shows_five_of_them_at_most(digits: str) -> None:
    assert sum(char.isdigit() for char in mask(f"+{digits}")) <= 5
