"""What stands for a limits row in links and forms."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from django_sms_otp import testing
from django_sms_otp.admin.handles import handle_of, key_of

from ..conftest import PHONE

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)


@given(KEYS)
def test_a_handle_leads_back_to_its_key(key: str) -> None:
    assert key_of(handle_of(key)) == key


def test_a_row_has_one_address_and_no_other_row_has_it() -> None:
    assert handle_of(PHONE) == handle_of(PHONE)
    assert handle_of(PHONE)[:32] != handle_of("+14155552672")[:32]


def test_a_handle_tells_nothing_of_its_key() -> None:
    # One stream for all keys would show where two of them agree.
    ends = {handle_of(f"+1415555{number:04}")[32:] for number in range(50)}
    starts = {end[:8] for end in ends}
    assert len(starts) == len(ends) == 50
    assert PHONE.encode().hex() not in handle_of(PHONE)


def test_a_handle_needs_the_sites_key() -> None:
    with testing.override_sms_otp(SECRET_KEYS=["another" * 8]):
        foreign = handle_of(PHONE)
    assert foreign != handle_of(PHONE)
    assert key_of(foreign) is None


def test_a_handle_survives_a_rotation() -> None:
    with testing.override_sms_otp(SECRET_KEYS=["old" * 16]):
        handle = handle_of(PHONE)
    with testing.override_sms_otp(SECRET_KEYS=["new" * 16, "old" * 16]):
        assert key_of(handle) == PHONE


def test_what_is_no_handle_leads_nowhere() -> None:
    handle = handle_of(PHONE)
    for text in ("", "zz", PHONE, handle[:-2], handle[:32], handle[2:], f"{handle}00"):
        assert key_of(text) is None
    tampered = [handle[:i] + f"{int(handle[i], 16) ^ 1:x}" + handle[i + 1 :] for i in range(8)]
    assert not any(map(key_of, tampered))
