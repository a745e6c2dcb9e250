"""Apprise: its own plugins over real sockets, and what their yes or no can be taken for."""

from __future__ import annotations

import base64
import io
import json
import logging
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, unquote_plus

import apprise
import pytest
import requests

from django_sms_otp.backends import SMSMessage
from django_sms_otp.backends.apprise import SMSBackend
from django_sms_otp.backends.transport.quiet_logging import suppress_logs
from django_sms_otp.exceptions import (
    Cause,
    DeliveryError,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from django_sms_otp.testing import Answer, FakeGateway, fake_gateway

from ..support import gateways
from ..support.apprise_services import SECRET, SERVICES, SILENT, Service
from ..support.fake_apprise import self_signed, tls_gateway
from ..support.lateness import in_time

PHONE, CODE = "+14155552671", "48291375"
FOREIGN = "Код 代码"
NOBODY = "http://127.0.0.1:9"


def make_message(body: str = f"Your code is {CODE}", to: str = PHONE) -> SMSMessage:
    return gateways.make_message(body=body, to=to, code=CODE)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with fake_gateway() as running:
        yield running


def eagle(gateway: FakeGateway, query: str = "", **options: Any) -> SMSBackend:
    """Return a backend of a service for SMS that one runs oneself."""
    host = gateway.url.removeprefix("http://")
    return SMSBackend(
        alias="default", url=f"smseagle://{SECRET}@{host}/{{to}}{query}", **options
    )


def failure_of(backend: SMSBackend, to: str = PHONE) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        backend.send(make_message(to=to))
    return caught.value


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """Record what anybody logs, below DEBUG too: Apprise has a level TRACE."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    root, theirs = logging.getLogger(), logging.getLogger("apprise")
    levels = root.level, theirs.level
    root.addHandler(handler)
    root.setLevel(1)
    theirs.setLevel(1)
    try:
        yield told
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        theirs.setLevel(levels[1])


# All services that send to phone numbers


pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")

needs_openssl = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl makes the certificate"
)
each_service = pytest.mark.parametrize("service", SERVICES, ids=str)


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGateway]:
    """Lead every host to one gateway."""
    context = self_signed(tmp_path_factory.mktemp("certificate"))
    with tls_gateway(context) as (running, proxy), pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", proxy)
        yield running


def of_service(service: Service, query: str = "?verify=no") -> SMSBackend:
    return SMSBackend(alias="default", url=f"{service.url}{query}", timeout=5)


def readable(body: bytes) -> str:
    """Return a request's body, and the message in it that AWS wants in base 64."""
    text = body.decode()
    with suppress(ValueError, KeyError, TypeError):
        text += base64.b64decode(json.loads(text)["message"], validate=True).decode()
    return text


def assert_discreet(told: str) -> None:
    for secret in (CODE, PHONE.removeprefix("+1"), SECRET[:8]):
        assert secret not in told


@each_service
@needs_openssl
def test_each_service_is_asked_once_with_the_number_and_the_code(
    everywhere: FakeGateway, service: Service
) -> None:
    # Where a service wants a login first, this is its answer. Some read what a success says.
    everywhere.requests.clear()
    everywhere.answers(Answer(body={"access_token": "t", "expires_in": 60}))

    with everything_logged() as told, suppress(DeliveryUnknown):
        of_service(service).send(make_message(f"{FOREIGN} {CODE}", to=service.number))

    all_asked = [
        unquote_plus(f"{each.path} {readable(each.body)}") for each in everywhere.requests
    ]
    # Apprise's addresses are templates: one that nobody filled in still has its braces.
    assert not [each.path for each in everywhere.requests if "{" in unquote(each.path)]
    [asked] = [each for each in all_asked if CODE in each]
    # After the message there is nothing to ask whose failure would hide that it was sent.
    assert asked is all_asked[-1] or service.name in SILENT
    assert FOREIGN in asked or json.dumps(FOREIGN)[1:-1] in asked
    assert service.number[-10:] in asked.replace("-", "")
    assert_discreet(told.getvalue())


@needs_openssl
def test_mobile_message_is_told_to_keep_other_letters(everywhere: FakeGateway) -> None:
    [service] = [each for each in SERVICES if each.schema == "mobilemessage"]
    everywhere.requests.clear()

    with suppress(DeliveryError):
        of_service(service, "?verify=no&unicode=yes").send(make_message(to=service.number))

    assert json.loads(everywhere.requests[0].body)["enable_unicode"] is True


@each_service
@needs_openssl
def test_nobody_knows_what_a_service_refuses(everywhere: FakeGateway, service: Service) -> None:
    everywhere.requests.clear()
    everywhere.answers(Answer(status=401, body={"error": PHONE}))

    with everything_logged() as told:
        error = failure_of(of_service(service), service.number)

    assert len(everywhere.requests) == 1
    assert (type(error), error.error_code) == (DeliveryUnknown, "no")
    assert_discreet(told.getvalue())


@each_service
@needs_openssl
def test_each_service_checks_certificates(everywhere: FakeGateway, service: Service) -> None:
    everywhere.requests.clear()

    with everything_logged() as told:
        error = failure_of(of_service(service, query=""), service.number)

    assert not everywhere.requests
    if service.name in SILENT:
        assert type(error) is DeliveryUnknown
    else:
        assert type(error) is NotDelivered
        assert (error.error_code, error.cause) == ("SSLError", Cause.MOMENT)
    assert_discreet(told.getvalue())


# The URL


@pytest.mark.parametrize("placeholder", ["{to}", "{digits}"])
@pytest.mark.parametrize("part", ["json://{gateway}/{to}", "json://{gateway}/?:to={to}"])
def test_the_number_arrives_in_either_form(
    gateway: FakeGateway, placeholder: str, part: str
) -> None:
    host = gateway.url.removeprefix("http://")
    url = part.replace("{gateway}", host).replace("{to}", placeholder)

    SMSBackend(alias="default", url=url).send(make_message())

    [request] = gateway.requests
    asked = unquote(request.path) if "?" not in url else request.body.decode()
    wanted = PHONE if placeholder == "{to}" else PHONE.removeprefix("+")
    assert f'"{wanted}"' in asked or asked == f"/{wanted}"


def test_other_braces_of_the_url_are_left_alone(gateway: FakeGateway) -> None:
    host = gateway.url.removeprefix("http://")
    url = f"json://{host}/{{to}}?:style={{curly}}&:n={{0}}"

    SMSBackend(alias="default", url=url).send(make_message())

    assert b"{curly}" in gateway.requests[0].body


def test_a_text_arrives_as_it_is(gateway: FakeGateway) -> None:
    body = f"<b>Код</b> :smile: \\n & {CODE}\n@example.com #{CODE}"
    host = gateway.url.removeprefix("http://")

    SMSBackend(alias="default", url=f"form://{host}/{{to}}").send(make_message(body))

    asked = unquote(gateway.requests[0].body.decode().replace("+", " "))
    assert f"message={body}" in asked


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"url": ""}, "{to} or {digits}"),
        ({"url": None}, "{to} or {digits}"),
        ({"url": f"bulksms://a:{SECRET}@+14155552671"}, "{to} or {digits}"),
        ({"url": f"seven://{SECRET}/{{to}}/{{digits}}"}, "once"),
        ({"url": f"seven://{SECRET}/{{to}}/{{to}}"}, "once"),
        ({"url": f"nothing://{SECRET}/{{to}}"}, "does not take option 'url'"),
        ({"url": "{to}"}, "does not take option 'url'"),
        ({"url": f"twilio://{SECRET}@{{to}}"}, "does not take option 'url'"),
        ({"url": f"seven://{SECRET}/15005550006/{{to}}"}, "more than one recipient"),
        ({"timeout": 0}, "'timeout'"),
        ({"timeout": "5"}, "'timeout'"),
        ({"channel": "fax"}, "'channel'"),
        ({"tiemout": 5}, "Did you mean 'timeout'"),
    ],
    ids=str,
)
def test_a_bad_option_is_refused_by_its_name(options: dict[str, Any], text: str) -> None:
    with everything_logged() as told, pytest.raises(InvalidBackend, match=text) as caught:
        SMSBackend(alias="default", **{"url": f"seven://{SECRET}/{{to}}", **options})

    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None
    assert not told.getvalue()


def test_what_it_sends_is_a_choice_of_the_sites() -> None:
    url = f"seven://{SECRET}/{{to}}"
    assert SMSBackend(alias="default", url=url).channels == {"sms"}
    assert SMSBackend(alias="default", url=url, channel="whatsapp").channels == {"whatsapp"}


# One message is one request


@pytest.mark.parametrize("query", ["", "?retry=3", "?optional=yes", "?redirect=yes"])
def test_the_url_cannot_make_a_failure_a_second_message_or_a_success(
    gateway: FakeGateway, query: str
) -> None:
    gateway.answers(Answer(status=307, headers={"Location": f"{gateway.url}/again"}))

    assert type(failure_of(eagle(gateway, query))) is DeliveryUnknown
    assert len(gateway.requests) == 1


def test_the_url_cannot_split_a_long_text(gateway: FakeGateway) -> None:
    host = gateway.url.removeprefix("http://")
    backend = SMSBackend(alias="default", url=f"json://{host}/{{to}}?overflow=split")

    backend.send(make_message("x" * 40_000 + CODE))

    assert len(gateway.requests) == 1
    assert CODE.encode() in gateway.requests[0].body


def test_its_own_time_out_counts_and_not_that_of_the_url(gateway: FakeGateway) -> None:
    gateway.answers(Answer(delay=30))

    with in_time(0.3):
        error = failure_of(eagle(gateway, "?rto=60&cto=60", timeout=0.3))

    assert type(error) is DeliveryUnknown


def test_the_requests_of_one_message_share_the_time(gateway: FakeGateway) -> None:
    gateway.answers(Answer(delay=0.1), Answer(delay=30))

    def send(service: Any) -> bool:
        for _ in range(3):
            requests.post(gateway.url, timeout=service.request_timeout)
        return True

    backend = chatty(send, timeout=1)

    with in_time(1):
        assert type(failure_of(backend)) is DeliveryUnknown
    assert len(gateway.requests) == 2


def test_a_plugin_that_speaks_no_http_has_as_much_time() -> None:
    found = []

    def send(service: Any) -> bool:
        found.append((service.socket_connect_timeout, service.socket_read_timeout))
        return True

    chatty(send, timeout=1.5).send(make_message())

    assert found == [pytest.approx((0.3, 1.2))]


def test_a_service_that_logs_in_first_does_not_wait() -> None:
    # By default Apprise lets five seconds pass between two requests.
    def send(service: Any) -> bool:
        service.throttle()
        service.throttle()
        return True

    with in_time(1):
        chatty(send).send(make_message())


# What a no means


def test_a_number_that_apprise_does_not_take_was_not_sent(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = eagle(gateway)
    monkeypatch.setattr(apprise.Apprise, "instantiate", lambda *args, **kwargs: None)
    error = failure_of(backend)

    assert type(error) is NotDelivered
    assert not gateway.requests


def chatty(send: Callable[[Any], bool], **options: Any) -> SMSBackend:
    """Return a backend of a plugin that sends like this."""

    class Chatty(apprise.NotifyBase):
        def send(self, *args: Any, **kwargs: Any) -> bool:
            return send(self)

        def url(self, *args: Any, **kwargs: Any) -> str:
            return "chatty://"

    manager = apprise.manager_plugins.NotificationManager()
    manager.remove("chatty")
    manager.add(Chatty, schemas="chatty")
    return SMSBackend(alias="default", url="chatty://host/{to}", **options)


@pytest.mark.parametrize("status", [400, 500])
def test_a_status_does_not_say_who_is_at_fault(gateway: FakeGateway, status: int) -> None:
    gateway.answers(Answer(status=status))

    assert type(failure_of(eagle(gateway))) is DeliveryUnknown


@pytest.mark.parametrize("first", [Answer(status=500), Answer(raw=b"")])
def test_a_gateway_that_is_gone_after_a_first_failure_leaves_it_unknown(
    gateway: FakeGateway, first: Answer
) -> None:
    gateway.answers(first)

    def send(service: Any) -> bool:
        """Ask two hosts, and log as the services of Apprise do."""
        for url in (gateway.url, NOBODY):
            try:
                if not requests.post(url, timeout=2).ok:
                    service.logger.warning("The answer is an error.")
            except requests.RequestException:
                service.logger.warning("A connection error occurred.")
        return False

    assert type(failure_of(chatty(send))) is DeliveryUnknown


def test_a_gateway_that_does_not_listen_got_nothing() -> None:
    host = NOBODY.removeprefix("http://")
    error = failure_of(SMSBackend(alias="default", url=f"smseagle://{SECRET}@{host}/{{to}}"))

    assert type(error) is NotDelivered
    assert error.counts_against_gateway


def test_a_plugin_that_says_no_and_not_why_leaves_it_unknown() -> None:
    assert type(failure_of(chatty(lambda service: False))) is DeliveryUnknown


def test_a_plugin_that_breaks_leaves_it_unknown() -> None:
    def send(service: Any) -> bool:
        raise RuntimeError(f"{PHONE} {CODE}")

    error = failure_of(chatty(send))

    assert type(error) is DeliveryUnknown
    assert error.__context__ is None
    assert str(error) == "Apprise: The gateway refused, and gave no reason (RuntimeError)."


# What others log meanwhile


def test_another_thread_logs_as_before() -> None:
    logger = logging.getLogger("urllib3.connectionpool")
    with everything_logged() as told, suppress_logs("urllib3"):
        logger.debug("mine")
        thread = threading.Thread(target=logger.debug, args=["of another"])
        thread.start()
        thread.join()

    assert told.getvalue() == "of another\n"


def test_apprise_logs_again_after_the_message(gateway: FakeGateway) -> None:
    gateway.answers(Answer(status=401))
    failure_of(eagle(gateway))

    with everything_logged() as told:
        apprise.Apprise.instantiate("nothing://x")

    assert told.getvalue()


MISSING = """
import sys
sys.modules["apprise"] = None
from django.conf import settings
settings.configure(USE_TZ=True)
from django_sms_otp.backends.apprise import SMSBackend
try:
    SMSBackend(alias="default", url="seven://key/{to}")
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_missing_apprise_is_named_with_its_extra() -> None:
    result = subprocess.run(
        [sys.executable, "-c", MISSING], capture_output=True, text=True, check=True
    )

    assert result.stdout.startswith("InvalidBackend SMS_OTP_BACKENDS['default']: Apprise is")
    assert "pip install 'django-sms-otp[apprise]'" in result.stdout
