"""The failover backend: over real sockets, with gateways that fail in every way."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.checks import CheckMessage, run_checks
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_sms_otp.backends import (
    BaseSMSBackend,
    SendResult,
    SMSMessage,
    get_backend,
    hand_over,
)
from django_sms_otp.backends.composite import circuits
from django_sms_otp.backends.composite.circuit_state import CircuitPolicy
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from django_sms_otp.models import DeliveryState, Limit, OTPCode

from ..conftest import PHONE, Post
from ..support.fake_twilio import Answer, FakeTwilio, accepted, refusal
from ..support.gateways import (
    BLOCKED,
    CODE,
    HANGS_UP,
    NOT_SENT,
    REFUSED,
    SENT,
    composite,
    entries,
    gateways,
    make_message,
    twilio_entry,
    unreachable,
)
from ..support.lateness import wait_for
from ..support.threads import in_threads

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
NAMES = ("first", "second", "third")
TOO_MANY = refusal(429, 20429)
BAD_CREDENTIALS = refusal(401, 20003)
BROKEN = refusal(500, None)

pytestmark = pytest.mark.django_db

Use = Callable[..., BaseSMSBackend]


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
    """Return a function that puts a failover before the gateways."""

    def put(
        *answers: Answer, others: dict[str, Any] | None = None, **options: Any
    ) -> BaseSMSBackend:
        for gateway, answer in zip(twilios.values(), answers, strict=False):
            gateway.answers(answer)
        options = {"aliases": list(NAMES), "failures": 1000, "patience": 60, **options}
        settings.SMS_OTP_BACKENDS = {
            "default": composite("failover", **options),
            **entries(twilios),
            **(others or {}),
        }
        return get_backend()

    return put


def tried(found: dict[str, FakeTwilio]) -> list[str]:
    """Return who was asked, each as often as it was."""
    return [name for name, gateway in found.items() for _ in gateway.requests]


def send(**values: Any) -> str:
    """Send a message; return who did, or who failed last and how."""
    try:
        return hand_over(make_message(**values), "default").alias
    except DeliveryError as error:
        return f"{error.alias} {type(error).__name__.removeprefix('_')}"


# In which order


def test_the_first_backend_sends_and_the_others_are_not_asked(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use()
    result = hand_over(make_message(), "default")
    assert result.alias == "first"
    assert result.message_id
    assert tried(twilios) == ["first"]


@pytest.mark.parametrize("answer", [NOT_SENT, BAD_CREDENTIALS])
def test_what_was_certainly_not_sent_goes_to_the_next(
    answer: Answer, use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(answer, answer)
    assert send() == "third"
    assert tried(twilios) == ["first", "second", "third"]


def test_a_gateway_that_takes_no_more_now_is_followed_by_the_next(use: Use) -> None:
    use(TOO_MANY)
    assert send() == "second"


def test_a_gateway_that_cannot_be_reached_is_followed_by_the_next(use: Use) -> None:
    use(others={"first": twilio_entry(unreachable())})
    assert send() == "second"


@pytest.mark.parametrize("answer", [BROKEN, HANGS_UP, Answer(body="{}")])
def test_what_may_have_been_sent_is_not_sent_again(
    answer: Answer, use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(answer)
    assert send() == "first DeliveryUnknown"
    assert tried(twilios) == ["first"]


def test_a_time_out_is_not_answered_by_a_second_message(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    slow = twilio_entry(twilios["first"].base_url, timeout=0.5)
    use(accepted(delay=30), others={"first": slow})
    assert send() == "first DeliveryUnknown"
    wait_for(lambda: bool(tried(twilios)))
    assert tried(twilios) == ["first"]


def test_a_site_may_risk_a_second_message(use: Use, twilios: dict[str, FakeTwilio]) -> None:
    use(BROKEN, HANGS_UP, retry_unknown=True)
    assert send() == "third"
    assert tried(twilios) == ["first", "second", "third"]


ANSWERS = {
    "SENT": SENT,
    "NotDelivered": NOT_SENT,
    "DeliveryUnknown": BROKEN,
    "DeliveryRefused": REFUSED,
    "DeliveryBlocked": BLOCKED,
}


def expected(kinds: Sequence[str], *, retry_unknown: bool) -> tuple[int, str]:
    """Return how many are tried, and what comes of it."""
    unknown = ""
    for number, (name, kind) in enumerate(zip(NAMES, kinds, strict=True), start=1):
        outcome = name if kind == "SENT" else f"{name} {kind}"
        if kind == "DeliveryUnknown":
            unknown = outcome
        goes_on = kind == "NotDelivered" or (kind == "DeliveryUnknown" and retry_unknown)
        if not goes_on:
            return number, outcome
    return len(NAMES), unknown or outcome


@pytest.mark.parametrize("retry_unknown", [False, True])
def test_all_orders_of_all_outcomes(
    retry_unknown: bool, use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(retry_unknown=retry_unknown)
    for kinds in itertools.product(ANSWERS, repeat=len(NAMES)):
        for gateway, kind in zip(twilios.values(), kinds, strict=True):
            gateway.answers(ANSWERS[kind])
            gateway.requests.clear()
        outcome = send()
        times, wanted = expected(kinds, retry_unknown=retry_unknown)
        assert (tried(twilios), outcome) == (list(NAMES[:times]), wanted), kinds


def test_what_did_not_arrive_goes_by_another_one(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(SENT, NOT_SENT)
    assert send(avoid=frozenset({"first"})) == "third"
    assert tried(twilios) == ["second", "third"]


def test_an_avoided_backend_is_better_than_none(use: Use) -> None:
    use(SENT, NOT_SENT, NOT_SENT)
    assert send(avoid=frozenset({"first"})) == "first"
    assert send(avoid=frozenset(NAMES)) == "first"


# How it ends


def test_when_none_has_sent_the_caller_may_come_back_after_the_shortest_wait(
    use: Use,
) -> None:
    backend = use(NOT_SENT, TOO_MANY, NOT_SENT)
    with pytest.raises(NotDelivered) as caught:
        backend.send(make_message())
    assert caught.value.alias == "third"
    assert caught.value.retry_after == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("answers", "needs_attention"),
    [
        ((BAD_CREDENTIALS, BAD_CREDENTIALS, BAD_CREDENTIALS), True),
        ((NOT_SENT, NOT_SENT, BAD_CREDENTIALS), False),
        ((BAD_CREDENTIALS, NOT_SENT, NOT_SENT), False),
    ],
)
def test_a_message_is_given_up_where_all_need_attention(
    answers: Sequence[Answer],
    needs_attention: bool,
    use: Use,
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = use(*answers)
    with pytest.raises(NotDelivered) as caught:
        backend.send(make_message())
    assert caught.value.needs_attention is needs_attention
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    # The last of the first case is logged by who gets the error.
    assert len(errors) == (2 if needs_attention else 1)


def test_no_backend_is_tried_after_the_patience(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(refusal(400, 21611, delay=0.3), patience=0.2)
    assert send() == "first NotDelivered"
    assert tried(twilios) == ["first"]


def test_each_hop_is_a_line_without_number_and_code(
    use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "django_sms_otp")
    use(BAD_CREDENTIALS, NOT_SENT)
    send()
    code = "Code 00000000"
    refused = "Twilio: The gateway does not accept the credentials"
    full = "Twilio: Too many messages of the gateway account are waiting"
    then = "Not sent. Going on with"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"{code} by 'first': {refused} (20003). {then} 'second'."),
        ("WARNING", f"{code} by 'second': {full} (21611). {then} 'third'."),
    ]
    assert PHONE not in caplog.text
    assert CODE not in caplog.text


# Circuits


def test_a_dead_gateway_is_passed_over(use: Use, twilios: dict[str, FakeTwilio]) -> None:
    use(NOT_SENT, failures=3)
    assert [send() for _ in range(5)] == ["second"] * 5
    assert tried(twilios) == ["first"] * 3 + ["second"] * 5


def test_time_outs_open_a_circuit_too(use: Use, twilios: dict[str, FakeTwilio]) -> None:
    use(HANGS_UP, failures=2)
    outcomes = [send() for _ in range(3)]
    assert outcomes == ["first DeliveryUnknown", "first DeliveryUnknown", "second"]


@pytest.mark.parametrize("answer", [REFUSED, BLOCKED])
def test_numbers_that_a_gateway_refuses_open_no_circuit(answer: Answer, use: Use) -> None:
    use(answer, failures=1)
    send()
    assert not Limit.objects.exists()


@pytest.mark.parametrize("answer", [SENT, REFUSED, BLOCKED])
def test_any_answer_ends_the_row_of_failures(
    answer: Answer, use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(failures=2)
    for each in (NOT_SENT, answer, NOT_SENT):
        twilios["first"].answers(each)
        send()
    assert circuits.read_circuits(["first"])["first"].failures == 1


def test_one_message_tries_a_gateway_that_was_passed_over(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(NOT_SENT, failures=1)
    with time_machine.travel(NOON, tick=False) as clock:
        send()
        clock.shift(timedelta(seconds=31))
        assert send() == "second"
        # The probe has failed: half a minute, then a whole one.
        assert circuits.read_circuits(["first"])["first"].openings == 2
        clock.shift(timedelta(seconds=59))
        twilios["first"].answers(SENT)
        assert send() == "second"
        clock.shift(timedelta(seconds=1))
        assert [send(), send()] == ["first", "first"]
    assert len(twilios["first"].requests) == 4


def test_while_a_probe_is_under_way_others_pass(use: Use) -> None:
    use(NOT_SENT, failures=1)
    with time_machine.travel(NOON, tick=False) as clock:
        send()
        clock.shift(timedelta(seconds=30))
        assert circuits.claim_probe("first")
        assert send() == "second"


def test_where_all_are_passed_over_all_are_tried(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(NOT_SENT, NOT_SENT, NOT_SENT, failures=1)
    with time_machine.travel(NOON, tick=False) as clock:
        send()
        for gateway in twilios.values():
            gateway.requests.clear()
        clock.shift(timedelta(seconds=1))
        assert send() == "third NotDelivered"
        assert tried(twilios) == list(NAMES)
        twilios["second"].answers(SENT)
        assert send() == "second"
        assert circuits.read_circuits(["second"])["second"].is_closed


def test_where_all_are_passed_over_the_one_that_is_due_first_is_first(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(aliases=["first", "second"])
    with time_machine.travel(NOON, tick=False):
        for name, seconds in {"first": 60, "second": 30}.items():
            policy = CircuitPolicy(failures=1, open_for=seconds, open_for_at_most=seconds)
            circuits.note_failure(name, policy)
        assert send() == "second"


def test_one_that_is_avoided_goes_before_one_that_is_dead(use: Use) -> None:
    use(NOT_SENT, failures=1, aliases=["first", "second"])
    send()
    assert send(avoid=frozenset({"second"})) == "second"


def test_a_send_reads_all_circuits_at_once_and_writes_nothing(use: Use) -> None:
    use()
    with CaptureQueriesContext(connection) as queries:
        send()
    assert len(queries) == 1
    assert queries[0]["sql"].startswith("SELECT")


@pytest.mark.django_db(transaction=True)
def test_of_many_messages_at_once_one_is_the_probe(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(refusal(400, 21611, delay=0.2), failures=1)
    policy = CircuitPolicy(failures=1, open_for=1e-6)
    circuits.note_failure("first", policy)
    assert Counter(in_threads(12, send)) == {"second": 12}
    assert tried(twilios) == ["first"] + ["second"] * 12


@pytest.mark.django_db(transaction=True)
def test_failures_of_many_messages_at_once_open_the_circuit(
    use: Use, twilios: dict[str, FakeTwilio], caplog: pytest.LogCaptureFixture
) -> None:
    use(NOT_SENT, failures=5)
    assert Counter(in_threads(12, send)) == {"second": 12}
    assert "failed 5 times in a row" in caplog.text
    twilios["first"].requests.clear()
    assert send() == "second"
    assert not twilios["first"].requests


def test_a_request_reads_the_circuits_once(
    use: Use, get_code: Post, settings: Any, twilios: dict[str, FakeTwilio]
) -> None:
    phones = iter(["+14155552672", "+14155552673"])

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert get_code(phone_number=next(phones)).status_code == 202
        return len(queries)

    settings.SMS_OTP_BACKENDS = {"default": entries(twilios)["first"]}
    get_code()
    alone = statements()
    use()
    # The other one looks for aliases whose message to this number did not arrive.
    assert statements() == alone + 2


# Who can send what


class Calling(BaseSMSBackend):
    code_lifetime = timedelta(minutes=10)
    channels = frozenset({"sms", "voice"})

    def send(self, message: SMSMessage) -> SendResult:
        return SendResult()


class SMSOnly(Calling):
    channels = frozenset({"sms"})


class Codeless(Calling):
    """A gateway that makes the codes itself."""

    checks_codes = True


SMS_ONLY = {"BACKEND": f"{__name__}.SMSOnly"}
CALLING = {"BACKEND": f"{__name__}.Calling"}
CODELESS = {"BACKEND": f"{__name__}.Codeless"}


def test_a_gateway_that_checks_codes_is_none_of_several(use: Use) -> None:
    with pytest.raises(InvalidBackend, match="'second', whose gateway makes and checks"):
        use(others={"second": CODELESS})


def test_a_backend_that_cannot_send_the_channel_is_left_out(use: Use) -> None:
    backend = use(others={"second": SMS_ONLY, "third": CALLING}, aliases=["second", "third"])
    assert backend.channels == {"sms", "voice"}
    assert [send(), send(channel="voice")] == ["second", "third"]


def test_a_channel_that_none_can_send_is_not_delivered(use: Use) -> None:
    use(others={"second": CALLING}, aliases=["second"])
    assert send(channel="whatsapp") == "default NotDelivered"


def test_it_tells_how_long_its_backends_let_codes_live(use: Use) -> None:
    assert use(others={"second": CALLING}).code_lifetime == timedelta(minutes=10)


def test_a_failover_may_go_by_another_one(use: Use, twilios: dict[str, FakeTwilio]) -> None:
    inner = composite("failover", aliases=["first", "second"], failures=1)
    use(NOT_SENT, NOT_SENT, others={"inner": inner}, aliases=["inner", "third"])
    assert [send(), send()] == ["third", "third"]
    # Both circuits of the inner one are open: it is passed over as a whole.
    assert tried(twilios) == ["first", "second", "third", "third"]
    assert not Limit.objects.filter(kind="circuit", subject="inner").exists()


def test_a_failover_is_used_while_one_of_its_backends_works(use: Use) -> None:
    inner = composite("failover", aliases=["first", "second"], failures=1)
    use(NOT_SENT, others={"inner": inner}, aliases=["inner", "third"])
    assert [send(), send()] == ["second", "second"]


def test_a_failover_counts_as_avoided_when_all_of_its_backends_are(use: Use) -> None:
    inner = composite("failover", aliases=["first", "second"])
    use(others={"inner": inner}, aliases=["inner", "third"])
    assert send(avoid=frozenset({"first"})) == "second"
    assert send(avoid=frozenset({"first", "second"})) == "third"


# The configuration


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"aliases": []}, "option 'aliases' must be a list of different aliases, in order."),
        (
            {"aliases": "first"},
            "option 'aliases' must be a list of different aliases, in order.",
        ),
        (
            {"aliases": ["first", "first"]},
            "option 'aliases' must be a list of different aliases, in order.",
        ),
        (
            {"aliases": ["frist"]},
            "names 'frist', which SMS_OTP_BACKENDS does not have. Did you mean 'first'?",
        ),
        ({"aliases": ["default"]}, "hands messages on to itself: default to default."),
        ({"patience": 0}, "option 'patience' must be a number above 0."),
        ({"retry_unknown": "yes"}, "option 'retry_unknown' must be True or False."),
        ({"failures": 0}, "option 'failures' must be a whole number from 1 to 1000."),
        ({"open_for": -1}, "option 'open_for' must be a number above 0."),
        (
            {"open_for_at_most": 1e6},
            "option 'open_for_at_most' must be at most a day, in seconds.",
        ),
        ({"patiense": 3}, "unknown option 'patiense'. Did you mean 'patience'?"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], problem: str, use: Use) -> None:
    with pytest.raises(InvalidBackend) as caught:
        use(**options, others={"x" * 57: CALLING})
    assert str(caught.value) == f"SMS_OTP_BACKENDS['default']: {problem}"


def test_backends_that_go_by_each_other_are_refused(use: Use, settings: Any) -> None:
    routes = [{"regions": None, "aliases": "default"}]
    with pytest.raises(InvalidBackend) as caught:
        use(aliases=["first", "there"], others={"there": composite("routing", routes=routes)})
    assert str(caught.value) == (
        "SMS_OTP_BACKENDS['default']: hands messages on to itself: default to there to default."
    )
    assert {error.id for error in errors()} == {"sms_otp.E002"}


def test_a_circle_that_a_changed_setting_makes_is_refused(use: Use) -> None:
    use(aliases=["inner"], others={"inner": composite("failover", aliases=["first"])})
    with pytest.raises(InvalidBackend, match="hands messages on to itself"):
        use(aliases=["inner"], others={"inner": composite("failover", aliases=["default"])})


def test_a_target_that_was_changed_is_looked_at_again(use: Use) -> None:
    for target, channels in {"first": {"sms"}, "second": {"sms", "whatsapp", "voice"}}.items():
        inner = composite("failover", aliases=[target])
        backend = use(aliases=["inner"], others={"inner": inner, "second": CONSOLE})
        assert backend.channels == channels


CONSOLE = {"BACKEND": "django_sms_otp.backends.console.SMSBackend"}


def errors() -> list[CheckMessage]:
    found = run_checks(databases=[], include_deployment_checks=True)
    return [each for each in found if each.id in {"sms_otp.E002", "sms_otp.E011"}]


def test_a_target_for_development_is_an_error_in_production(use: Use) -> None:
    use()
    assert errors() == []
    use(others={"third": CONSOLE})
    assert {error.id for error in errors()} == {"sms_otp.E011"}


# From the request to the login


def test_the_row_has_the_alias_that_sent(
    use: Use, get_code: Post, auth_code: Post, twilios: dict[str, FakeTwilio]
) -> None:
    use(NOT_SENT)
    assert get_code().status_code == 202
    row = OTPCode.objects.get()
    assert (row.backend, row.delivery_state) == ("second", DeliveryState.SENT)
    [request] = twilios["second"].requests
    digits = request.form["Body"].rsplit(" ", 1)[-1]
    assert auth_code(phone_number=PHONE, code=digits).status_code == 200


def test_when_none_has_sent_the_number_may_ask_again(use: Use, get_code: Post) -> None:
    use(NOT_SENT, NOT_SENT, NOT_SENT)
    assert get_code().status_code == 503
    assert OTPCode.objects.get().backend == "third"
    use(SENT)
    assert get_code().status_code == 202


def test_when_nobody_knows_the_number_waits(use: Use, get_code: Post) -> None:
    use(BROKEN)
    answer = get_code()
    assert answer.status_code == 503
    assert answer.json()["request_id"]
    assert get_code().status_code == 429


def test_after_a_receipt_of_failure_the_next_message_takes_another_way(
    use: Use, get_code: Post, settings: Any, twilios: dict[str, FakeTwilio]
) -> None:
    settings.SMS_OTP = {"COOLDOWN": []}
    use()
    get_code()
    OTPCode.objects.update(delivery_state=DeliveryState.UNDELIVERED, undelivered_by="first")
    get_code()
    assert tried(twilios) == ["first", "second"]
    assert OTPCode.objects.get().backend == "second"


def test_fraud_is_answered_as_ever_and_goes_no_further(
    use: Use, get_code: Post, twilios: dict[str, FakeTwilio]
) -> None:
    use(BLOCKED)
    assert get_code().status_code == 202
    assert tried(twilios) == ["first"]


def test_errors_are_of_the_kinds_that_callers_know(use: Use) -> None:
    for answer, kind in {REFUSED.body: DeliveryRefused, BLOCKED.body: DeliveryBlocked}.items():
        backend = use(Answer(status=400, body=answer))
        with pytest.raises(kind):
            backend.send(make_message())
    with pytest.raises(DeliveryUnknown):
        use(BROKEN).send(make_message())


def test_an_alias_that_was_passed_over_is_tried_when_no_other_takes_it(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(NOT_SENT, aliases=["first", "second"], failures=1)
    assert send() == "second"
    twilios["first"].answers(accepted())
    twilios["second"].answers(NOT_SENT)
    assert send() == "first"


def test_a_number_that_no_way_leads_to_is_not_its_gateways_fault(
    use: Use, twilios: dict[str, FakeTwilio]
) -> None:
    use(refusal(400, 21612), failures=1)
    assert [send(), send()] == ["second", "second"]
    assert sorted(tried(twilios)) == ["first", "first", "second", "second"]
