"""The machinery of benchmarks/scale, with a handful of rows."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone

from benchmarks.scale import probe
from benchmarks.scale.figures import HEAD_LINE, Figure, table, write_table
from benchmarks.scale.fill import Past, address_of, fill, phone_of
from benchmarks.scale.purges import by_batches, by_one_statement, oldest_but
from benchmarks.scale.report import GENTLE
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number

SCALE = Path(__file__).parents[1] / "docs" / "scale.md"

TELL_THRESHOLD = """
from benchmarks.scale.probe_settings import DATABASES
print(DATABASES["default"].get("OPTIONS", {}).get("prepare_threshold"))
"""

FIGURE = Figure(what="a path", to="the same", ratio=1.104, most=1.1)


def test_a_figure_holds_up_to_what_it_may_be() -> None:
    assert not FIGURE.holds
    assert Figure(what="a path", to="the same", ratio=1.1, most=1.1).holds
    assert Figure(what="a path", to="the same", ratio=9, most=None).holds


def test_the_table_of_the_page_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text(SCALE.read_text(encoding="utf-8"), encoding="utf-8")
    write_table(page, table([FIGURE]))
    text = page.read_text(encoding="utf-8")
    assert (
        f"{HEAD_LINE}\n| --- | --- | --- | --- |\n| a path | the same | 1.10 | 1.1 |\n\n"
        in text
    )
    assert text.count(HEAD_LINE) == 1


def test_a_page_without_a_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text("Nothing.", encoding="utf-8")
    with pytest.raises(ValueError, match="0 tables"):
        write_table(page, table([FIGURE]))


@pytest.mark.django_db(transaction=True)
def test_a_past_has_users_with_codes_and_limits() -> None:
    past = Past(users=30, until=timezone.now())
    fill(past)
    assert User.objects.count() == VerifiedPhone.objects.count() == 30
    assert OTPCode.objects.count() == past.codes == 300
    assert Limit.objects.count() == 30 + past.addresses
    known = VerifiedPhone.objects.get(phone_number=phone_of(7))
    codes = OTPCode.objects.filter(phone_number=known.phone_number)
    assert codes.count() == 10
    assert {code.user for code in codes if code.redeemed_at} <= {known.user}
    assert parse_phone_number(known.phone_number).region == "US"
    assert OTPCode.objects.earliest("created_at").created_at > timezone.now() - past.spread
    User.objects.create(username="the next one")


def test_what_is_measured_is_what_the_docs_run_each_night() -> None:
    operations = SCALE.with_name("operations.md").read_text(encoding="utf-8")
    assert f"manage.py purge_otp_codes {' '.join(GENTLE)}\n" in operations


@pytest.mark.django_db(transaction=True)
def test_an_address_of_a_user_has_a_row_in_the_past() -> None:
    past = Past(users=30, until=timezone.now())
    fill(past)
    keys = {f"ip:{ip_network((address_of(user), 64), strict=False)}" for user in range(1, 31)}
    assert keys == set(
        Limit.objects.filter(key__startswith="ip:").values_list("key", flat=True)
    )


@pytest.mark.django_db(transaction=True)
def test_both_ways_delete_as_many() -> None:
    fill(Past(users=30, until=timezone.now()))
    # The time goes on meanwhile, and makes one more of them old.
    by_one_statement(oldest_but(100))
    assert 199 <= OTPCode.objects.count() <= 200
    took, longest = by_batches(oldest_but(100))
    assert 98 <= OTPCode.objects.count() <= 100
    assert took >= longest > 0


@pytest.mark.parametrize(("given", "threshold"), [("1", "5"), ("", "None")])
def test_the_site_of_a_probe_keeps_plans_where_it_is_told_to(
    given: str, threshold: str
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", TELL_THRESHOLD],
        env=os.environ | {"BENCHMARK_DATABASE": "any", "BENCHMARK_KEEPS_PLANS": given},
        cwd=SCALE.parents[1],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told.strip() == threshold


@pytest.mark.django_db
def test_a_probe_goes_through_a_login_and_the_pages() -> None:
    with (
        override_settings(SMS_OTP={"TRUSTED_PROXY_COUNT": 1}),
        mock.patch.object(Client, "post", autospec=True, side_effect=Client.post) as post,
    ):
        assert len(probe.requests(3)) == 7
    assert post.call_count == 8, "the first one comes after a pause, and is not measured"
    assert set(probe.pages(0)) == set(probe.PAGES)
