"""Whose request it is: never what a client says of itself."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import Client

from django_sms_otp import client as clients
from django_sms_otp.controls.callers import Caller
from django_sms_otp.limits.addresses import client_address, network_of, wider_network
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, body_of, last_code


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "address"),
    [
        (0, "203.0.113.9", "", "203.0.113.9"),
        (0, "203.0.113.9", "198.51.100.7", "203.0.113.9"),
        (0, "127.0.0.1", "", "127.0.0.1"),
        (0, "10.0.0.5", "198.51.100.7", None),
        (0, "fd00::5", "198.51.100.7", None),
        (0, "", "", None),
        (1, "10.0.0.5", "198.51.100.7", "198.51.100.7"),
        (1, "10.0.0.5", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        (2, "10.0.0.5", "1.1.1.1, 198.51.100.7, 10.0.0.4", "198.51.100.7"),
        (2, "10.0.0.5", "1.1.1.1,198.51.100.7", "1.1.1.1"),
        # Past the proxy: what a client writes there itself is not believed.
        (2, "203.0.113.9", "198.51.100.7", "203.0.113.9"),
        (1, "203.0.113.9", "", "203.0.113.9"),
        # Fewer proxies than the site says: what is left is a proxy's own address.
        (2, "10.0.0.5", "198.51.100.7", None),
        (1, "10.0.0.5", "", None),
        (1, "10.0.0.5", "unknown", None),
        (1, "10.0.0.5", "198.51.100.7:4711", "198.51.100.7"),
        (1, "10.0.0.5", "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "10.0.0.5", "::ffff:198.51.100.7", "198.51.100.7"),
        (0, "fe80::1%eth0", "", "fe80::1"),
        (1, "10.0.0.5", f"fe80::1%{'0' * 1000}", "fe80::1"),
    ],
)
def test_the_client_is_counted_from_the_right(
    proxies: int, remote: str, forwarded: str, address: str | None
) -> None:
    found = client_address(remote, forwarded, trusted_proxies=proxies)
    assert (str(found) if found else None) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"),
        ("::", "::/64"),
        ("::1", "::/64"),
    ],
)
def test_an_ipv6_subscriber_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "address",
    [
        "2002:c633:6407:1::1",  # 6to4
        "2002:c633:6407:ffff::1",
        "2001:0:c000:201:8000:1234:39cc:9bf8",  # Teredo: the client's address, inverted
        "64:ff9b::198.51.100.7",  # NAT64
        "64:ff9b:1:abcd::198.51.100.7",
        "::ffff:198.51.100.7",
        "::ffff:0:198.51.100.7",
        "::198.51.100.7",
        "64:ff9b::198.51.100.7%eth0",
    ],
)
def test_an_embedded_ipv4_address_is_read_as_such(address: str) -> None:
    assert network_of(address) == "198.51.100.7"
    assert str(client_address(address, "", trusted_proxies=0)) == "198.51.100.7"


@pytest.mark.parametrize(
    ("network", "wider"),
    [
        ("2001:db8:1:2ff::/64", ("2001:db8:1:200::/56", "2001:db8:1::/48")),
        ("198.51.100.7", ("", "")),
    ],
)
def test_an_ipv6_network_has_two_wider_ones(network: str, wider: tuple[str, str]) -> None:
    assert (wider_network(network, 56), wider_network(network, 48)) == wider


def ask(client: Client, **headers: Any) -> Any:
    body = {"phone_number": PHONE}
    return client.post("/auth/sms/get-code/", body, "application/json", **headers)


@pytest.mark.django_db(transaction=True)
def test_behind_an_untold_proxy_the_limit_is_skipped_and_the_log_says_so(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    clients._log_unknown_address.cache_clear()
    for _ in range(2):
        ask(client, REMOTE_ADDR="10.0.0.5", HTTP_X_FORWARDED_FOR="198.51.100.7")
    assert not Limit.objects.filter(kind="ip").exists()
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "TRUSTED_PROXY_COUNT" in errors[0].getMessage()


@pytest.mark.django_db(transaction=True)
@override_sms_otp(TRUSTED_PROXY_COUNT=1)
def test_behind_a_told_proxy_the_client_is_counted(client: Client) -> None:
    ask(client, REMOTE_ADDR="10.0.0.5", HTTP_X_FORWARDED_FOR="6.6.6.6, 198.51.100.7")
    assert Limit.objects.filter(kind="ip", subject="198.51.100.7").exists()
    assert OTPCode.objects.get().ip_address is None


@pytest.mark.django_db(transaction=True)
@override_sms_otp(STORE_IP_ADDRESS=True)
def test_a_zone_is_not_stored(client: Client) -> None:
    ask(client, REMOTE_ADDR="fe80::1%eth0")
    assert OTPCode.objects.get().ip_address == "fe80::1"


@pytest.mark.django_db(transaction=True)
@override_sms_otp(STORE_IP_ADDRESS=True)
def test_an_address_is_stored_where_the_site_wants_it(client: Client) -> None:
    ask(client, REMOTE_ADDR="203.0.113.9")
    assert OTPCode.objects.get().ip_address == "203.0.113.9"


@pytest.mark.django_db(transaction=True)
def test_no_address_stands_in_a_numbers_row(client: Client) -> None:
    ask(client, REMOTE_ADDR="203.0.113.9")
    assert "203.0.113" not in str(Limit.objects.get(subject=PHONE).state)


@pytest.mark.django_db(transaction=True)
@override_sms_otp(DEVICE_COOKIE="sms_device")
def test_a_device_is_named_at_login_and_keeps_its_name(client: Client) -> None:
    def log_in() -> Any:
        assert "sms_device" not in ask(client).cookies
        body = {"phone_number": PHONE, "code": last_code()}
        return client.post("/auth/sms/auth-code/", body, "application/json")

    first = log_in()
    assert set(body_of(first)) == {"access", "refresh"}
    cookie = first.cookies["sms_device"]
    assert clients.DEVICE.fullmatch(cookie.value)
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert cookie["max-age"] == 400 * 24 * 3600
    assert not cookie["secure"]
    second = log_in()
    assert second.cookies["sms_device"].value == cookie.value


@pytest.mark.django_db(transaction=True)
@override_sms_otp(DEVICE_COOKIE="sms_device")
def test_no_other_host_of_the_domain_plants_the_name_of_a_device(client: Client) -> None:
    """A browser takes a name with __Host- from the host itself alone."""
    planted = "A" * 22
    client.cookies["sms_device"] = planted
    body = {"phone_number": PHONE}
    client.post("/auth/sms/get-code/", body, "application/json", secure=True)
    body["code"] = last_code()
    answer = client.post("/auth/sms/auth-code/", body, "application/json", secure=True)
    cookie = answer.cookies["__Host-sms_device"]
    assert "sms_device" not in answer.cookies
    assert cookie.value != planted
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
    known = NumberState.from_json(Limit.objects.get(kind="number", subject=PHONE).state).known
    assert Caller.of(None, cookie.value).tags(PHONE)[0] in known
    assert Caller.of(None, planted).tags(PHONE)[0] not in known


@pytest.mark.django_db(transaction=True)
@override_sms_otp(DEVICE_COOKIE="sms_device")
def test_a_device_does_not_choose_its_name(client: Client) -> None:
    client.cookies["sms_device"] = "mine"
    ask(client)
    body = {"phone_number": PHONE, "code": last_code()}
    answer = client.post("/auth/sms/auth-code/", body, "application/json")
    assert answer.cookies["sms_device"].value != "mine"


def test_a_caller_has_other_tags_in_each_numbers_row() -> None:
    caller = Caller.of("198.51.100.7", "a device")
    ours, others = caller.tags(PHONE), caller.tags("+14155552672")
    assert len({*ours, *others}) == 4
    assert caller.tags(PHONE) == Caller.of("198.51.100.7", "a device").tags(PHONE) == ours
    assert caller.network_tag(PHONE) == ours[0]
