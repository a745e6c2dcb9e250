"""The routing backend: which gateway a message takes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from django_sms_otp.backends import (
    BaseSMSBackend,
    SendResult,
    SMSMessage,
    get_backend,
    hand_over,
)
from django_sms_otp.backends.composite import circuits
from django_sms_otp.exceptions import DeliveryError, InvalidBackend
from django_sms_otp.models import Limit, OTPCode

from ..conftest import Post
from ..support.fake_twilio import FakeTwilio
from ..support.gateways import (
    NOT_SENT,
    REFUSED,
    SENT,
    composite,
    entries,
    gateways,
    make_message,
)

NAMES = ("first", "second", "third")
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db

Use = Callable[..., BaseSMSBackend]


class SMSOnly(BaseSMSBackend):
    channels = frozenset({"sms"})

    def send(self, message: SMSMessage) -> SendResult:
        return SendResult()


class Everything(SMSOnly):
    channels = frozenset({"sms", "whatsapp", "voice"})


SMS_ONLY = {"BACKEND": f"{__name__}.SMSOnly"}
EVERYTHING = {"BACKEND": f"{__name__}.Everything"}


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, FakeTwilio]]:
    with gateways(*NAMES) as found:
        yield found


@pytest.fixture
def twilios(running: dict[str, FakeTwilio]) -> dict[str, FakeTwilio]:
    for gateway in running.values():
        gateway.answers(SENT)
        gateway.requests.clear()
    return running


@pytest.fixture
def use(twilios: dict[str, FakeTwilio], settings: Any) -> Use:
    """Return a function that puts routes before the gateways."""
    random.seed(7)

    def put(
        *routes: object, others: dict[str, Any] | None = None, **options: Any
    ) -> BaseSMSBackend:
        settings.SMS_OTP_BACKENDS = {
            "default": composite("routing", routes=list(routes), **options),
            **entries(twilios),
            "sms-only": SMS_ONLY,
            "everything": EVERYTHING,
            **(others or {}),
        }
        return get_backend()

    return put


def route(regions: object, aliases: object, **more: Any) -> dict[str, Any]:
    return {"regions": regions, "aliases": aliases, **more}


def send(**values: Any) -> str:
    """Send a message; return who did, or who failed and how."""
    try:
        return hand_over(make_message(**values), "default").alias
    except DeliveryError as error:
        return f"{error.alias} {type(error).__name__}"


def sent(times: int, **values: Any) -> Counter[str]:
    return Counter(send(**values) for _ in range(times))


# Where to


def test_the_first_route_that_takes_the_region_is_taken(use: Use) -> None:
    use(route(["US", "CA"], "first"), route(["CA", "DE"], "second"), route(None, "third"))
    regions = ("US", "CA", "DE", "FR", "001", "")
    assert [send(region=region) for region in regions] == [
        *("first", "first", "second", "third", "third", "third")
    ]


def test_a_route_may_be_for_some_channels(use: Use) -> None:
    use(
        route(None, "everything", channels=["voice", "whatsapp"]),
        route(["US"], "first"),
        route(None, "second"),
    )
    assert send(channel="voice") == "everything"
    assert [send(region="US"), send(region="DE")] == ["first", "second"]


def test_a_route_does_not_take_what_its_backends_cannot_send(use: Use) -> None:
    use(route(["US"], "sms-only"), route(None, "everything"))
    assert [send(), send(channel="voice")] == ["sms-only", "everything"]


def test_of_a_route_those_are_picked_that_can_send_the_channel(use: Use) -> None:
    use(route(None, {"sms-only": 1000, "everything": 1}))
    assert sent(20, channel="voice") == {"everything": 20}


def test_it_promises_what_can_be_sent_everywhere(use: Use) -> None:
    backend = use(route(["US"], "everything"), route(None, "sms-only"))
    assert backend.channels == {"sms"}
    assert send(channel="voice", region="US") == "everything"
    assert send(channel="voice", region="DE") == "default NotDelivered"


def test_a_route_may_go_by_a_failover(use: Use, twilios: dict[str, FakeTwilio]) -> None:
    twilios["first"].answers(NOT_SENT)
    backup = composite("failover", aliases=["first", "second"])
    use(route(["US"], "backup"), route(None, "third"), others={"backup": backup})
    assert [send(region="US"), send(region="DE")] == ["second", "third"]
    assert [str(row) for row in Limit.objects.all()] == ["circuit:first"]


# By weight


def test_weights_are_shares(use: Use) -> None:
    use(route(None, {"sms-only": 3, "everything": 1}))
    counts = sent(2000)
    assert counts.total() == 2000
    assert 0.2 < counts["everything"] / 2000 < 0.3


def test_what_fails_is_not_tried_again(use: Use, twilios: dict[str, FakeTwilio]) -> None:
    twilios["first"].answers(NOT_SENT)
    use(route(None, {"first": 10**9, "second": 1}))
    assert send() == "first NotDelivered"
    assert not twilios["second"].requests


def test_what_did_not_arrive_goes_by_another_one(use: Use) -> None:
    use(route(None, {"first": 10**9, "second": 1}))
    assert send(avoid=frozenset({"first"})) == "second"
    assert send(avoid=frozenset({"first", "second"})) == "first"


# Circuits


def test_a_dead_gateway_is_not_picked(use: Use, twilios: dict[str, FakeTwilio]) -> None:
    twilios["first"].answers(NOT_SENT)
    use(route(None, {"first": 10**9, "second": 1}), failures=2)
    assert [send() for _ in range(4)] == ["first NotDelivered"] * 2 + ["second"] * 2


def test_one_that_is_avoided_goes_before_one_that_is_dead(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    twilios["first"].answers(NOT_SENT)
    use(route(None, {"first": 10**9, "second": 1}), failures=1)
    send()
    assert send(avoid=frozenset({"second"})) == "second"


def test_where_all_are_passed_over_one_is_tried(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    twilios["first"].answers(NOT_SENT)
    use(route(None, "first"), failures=1)
    assert send() == "first NotDelivered"
    twilios["first"].answers(SENT)
    assert send() == "first"
    assert circuits.read_circuits(["first"])["first"].is_closed


def test_a_number_that_is_refused_opens_no_circuit(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    twilios["first"].answers(REFUSED)
    use(route(None, "first"), failures=1)
    assert send() == "first DeliveryRefused"
    assert not Limit.objects.exists()


def test_one_message_tries_a_gateway_that_was_passed_over(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    twilios["first"].answers(NOT_SENT)
    use(route(None, {"first": 10**9, "second": 1}), failures=1)
    with time_machine.travel(NOON, tick=False) as clock:
        send()
        clock.shift(timedelta(seconds=30))
        assert [send(), send()] == ["first NotDelivered", "second"]


def test_a_failover_of_dead_gateways_is_not_picked(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    for name in ("first", "second"):
        twilios[name].answers(NOT_SENT)
    backup = composite("failover", aliases=["first", "second"], failures=1)
    use(route(None, {"backup": 10**9, "third": 1}), others={"backup": backup})
    assert [send(), send()] == ["second NotDelivered", "third"]


# The configuration

REST = route(None, "first")
NO_DICT = """'routes' route 1 must be a dict with "regions": a list, or None for all others"""
NO_REGIONS = (
    "'routes' route 1 has \"regions\" that are no list of two-letter regions, "
    """such as ["US"]"""
)
NO_ALIASES = (
    "'routes' route 1 must name \"aliases\": one, or a dict of weights such as "
    """{"a": 3, "b": 1}"""
)


@pytest.mark.parametrize(
    ("routes", "problem"),
    [
        ([], "'routes' must be a list of dicts, in order"),
        (
            [route(["US"], "first")],
            "'routes' must end with a route for all other regions: \"regions\": None",
        ),
        ([REST, REST], "'routes' never gets past route 1, which takes all messages"),
        (
            ["first"],
            NO_DICT,
        ),
        (
            [{"aliases": "first"}],
            NO_DICT,
        ),
        (
            [REST, route(None, "first", chanels=["sms"])],
            "'routes' route 2 has no 'chanels', only 'regions', 'channels', 'aliases'",
        ),
        *(
            (
                [route(regions, "first"), REST],
                NO_REGIONS,
            )
            for regions in ("US", [], ["us"], ["Germany"], [1])
        ),
        (
            [route(None, "first", channels=["fax"])],
            "'routes' route 1 has \"channels\" that are no list of 'sms', 'whatsapp', 'voice'",
        ),
        *(
            (
                [route(None, aliases)],
                NO_ALIASES,
            )
            for aliases in (None, "", {}, {"first": 0}, {"first": "1"}, ["first"])
        ),
        (
            [route(None, {"everything": 1, "sms-only": 1}, channels=["voice"]), REST],
            "'routes' has route 1 for 'voice', which 'sms-only' cannot send",
        ),
        (
            [route(["US"], "everything", channels=["voice"]), route(None, "sms-only")],
            "'routes' has route 1 for 'voice', but none for it in all other regions",
        ),
    ],
)
def test_wrong_routes_are_refused(routes: list[Any], problem: str, use: Use) -> None:
    with pytest.raises(InvalidBackend) as caught:
        use(*routes)
    text = f"SMS_OTP_BACKENDS['default']: option {problem}"
    assert str(caught.value) == f"{text}."


def test_an_unknown_alias_is_refused_with_the_nearest(use: Use) -> None:
    with pytest.raises(InvalidBackend, match=r"names 'thrid'.* Did you mean 'third'"):
        use(route(None, "thrid"))


def test_a_route_back_to_itself_is_refused(use: Use) -> None:
    with pytest.raises(InvalidBackend, match="hands messages on to itself: default to default"):
        use(route(None, "default"))


# From the request


def test_the_row_has_the_alias_that_sent(use: Use, get_code: Post) -> None:
    use(route(["DE"], "first"), route(["US"], "second"), route(None, "third"))
    assert get_code().status_code == 202
    assert OTPCode.objects.get().backend == "second"
