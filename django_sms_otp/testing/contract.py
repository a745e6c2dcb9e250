"""A contract for backends that speak HTTP: a suite of tests to mix into a test case.

.. code-block:: python

    class GatewayContractTests(testing.BackendContract, unittest.TestCase):
        accepted = testing.Answer(status=201, body={"id": "m1"})
        message_id = "m1"

        def make_backend(self, url, **options):
            return SMSBackend(alias="default", url=url, api_key="secret", **options)

Each test starts a gateway on this machine. Each looks for the code and the number in all log
lines, in the error and its chain, and in each ``repr``.
"""

from __future__ import annotations

import io
import logging
import time
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from ..backends import BaseSMSBackend, SendResult, SMSMessage
from ..conf.choices import CHANNELS
from ..exceptions import (
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from .gateway import Answer, FakeGateway, fake_gateway

__all__ = ["BackendContract"]

if TYPE_CHECKING:
    from unittest import TestCase as _Base
else:
    # A test case itself would be collected wherever it is imported.
    _Base = object

CODE = "48291375"
PHONE = "+14155552671"
PATIENCE = 10.0
BROKEN = {
    "closed": Answer(raw=b""),
    "reset": Answer(resets=True),
    "no HTTP": Answer(raw=b"\x16\x03\x01 what?\r\n\r\n"),
}
UNREADABLE = {
    "no JSON": Answer(body=b"<html>Welcome to the hotel</html>"),
    "half of it": Answer(body=b'{"id": '),
    "another shape": Answer(body=[1]),
}


class BackendContract(_Base):
    """Mix it into a ``unittest.TestCase``; pytest runs that too.

    Set the answers of the gateway, and define :meth:`make_backend`.
    """

    accepted: ClassVar[Answer]
    """The answer to a message that is on its way."""

    message_id: ClassVar[str] = ""
    """The gateway's name for the message in that answer; empty: it gives none."""

    refused: ClassVar[Mapping[str, Answer]] = {}
    """The answers that blame the number, by the word of ``DeliveryRefused``."""

    rejected: ClassVar[Answer] = Answer(status=401)
    """The answer that blames the site: for a wrong password."""

    reads_answers: ClassVar[bool] = True
    """A success whose body cannot be read counts as unknown."""

    timeout: ClassVar[float] = 0.5
    """Seconds: the option ``timeout`` for the test of a gateway that does not answer. The other
    tests have a longer one, for a busy machine."""

    gateway: FakeGateway

    def make_backend(self, url: str, **options: Any) -> BaseSMSBackend:
        """Return a backend that sends to ``url``, with these options besides its own."""
        raise NotImplementedError(f"{type(self).__name__} must define make_backend().")

    def make_message(self) -> SMSMessage:
        """Return the message to send. Its code and number are searched for."""
        return SMSMessage(
            to=PHONE,
            body=f"Your code is {CODE}",
            code=CODE,
            purpose="login",
            request_id=uuid.UUID(int=7),
            valid_for=timedelta(minutes=10),
            region="US",
            language="en",
        )

    def setUp(self) -> None:
        super().setUp()
        self.gateway = self.enterContext(fake_gateway())
        self.backend = self.make_backend(self.gateway.url, timeout=PATIENCE)

    def test_a_message_arrives_at_the_gateway_in_one_request(self) -> None:
        self.gateway.answers(self.accepted)
        result = self._send()
        self.assertIsInstance(result, SendResult)
        [request] = self.gateway.requests
        said = f"{request.path} {request.body.decode()}"
        self.assertIn(CODE, said, "the gateway was not told the code")
        self.assertIn(PHONE.removeprefix("+"), said, "the gateway was not told the number")

    def test_a_result_has_the_gateways_name_for_the_message(self) -> None:
        self.gateway.answers(self.accepted)
        self.assertEqual(self._send().message_id, self.message_id)

    def test_two_messages_are_two_requests(self) -> None:
        self.gateway.answers(self.accepted)
        self._send()
        self._send()
        self.assertEqual(len(self.gateway.requests), 2)

    def test_a_refused_number_is_told_by_our_word(self) -> None:
        for word, answer in self.refused.items():
            with self.subTest(word):
                error = self._failure(answer)
                self.assertIsInstance(error, DeliveryRefused)
                self.assertEqual(getattr(error, "code", None), word)

    def test_a_rejected_request_was_not_sent(self) -> None:
        self.assertIsInstance(self._failure(self.rejected), NotDelivered)

    def test_a_429_was_not_sent(self) -> None:
        # It may be tried again at once: it was not processed.
        self.gateway.answers(Answer(status=429))
        self.assertIsInstance(self._error(self.backend), NotDelivered)

    def test_a_gateway_that_nobody_reaches_was_sent_nothing(self) -> None:
        with fake_gateway() as gone:
            backend = self.make_backend(gone.url, timeout=PATIENCE)
        self.assertIsInstance(self._error(backend), NotDelivered)

    def test_after_a_5xx_nobody_knows(self) -> None:
        for status in (500, 502, 503, 504):
            with self.subTest(status):
                self.assertIsInstance(self._failure(Answer(status=status)), DeliveryUnknown)

    def test_after_a_time_out_nobody_knows(self) -> None:
        self.backend = self.make_backend(self.gateway.url, timeout=self.timeout)
        started = time.monotonic()
        error = self._failure(Answer(delay=self.timeout * 20))
        self.assertIsInstance(error, DeliveryUnknown)
        self.assertLess(time.monotonic() - started, self.timeout * 2, "time-out not kept")

    def test_after_a_broken_answer_nobody_knows(self) -> None:
        whole = self.accepted.content
        announced = {"Content-Length": str(len(whole) + 1)}
        cut_off = replace(self.accepted, body=whole[: len(whole) // 2], headers=announced)
        for name, answer in {**BROKEN, "cut off": cut_off}.items():
            with self.subTest(name):
                self.assertIsInstance(self._failure(answer), DeliveryUnknown)

    def test_after_an_unreadable_success_nobody_knows(self) -> None:
        if not self.reads_answers:
            self.skipTest("This backend does not read a success.")
        for name, answer in UNREADABLE.items():
            with self.subTest(name):
                self.assertIsInstance(self._failure(answer), DeliveryUnknown)

    def test_a_redirect_is_not_followed(self) -> None:
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status):
                elsewhere = {"Location": f"{self.gateway.url}/elsewhere"}
                redirect = Answer(status=status, headers=elsewhere)
                self.assertIsInstance(self._failure(redirect, self.accepted), DeliveryError)

    def test_an_unknown_option_is_refused_by_its_name(self) -> None:
        with self.assertRaisesRegex(InvalidBackend, "no_such_option"):
            self.make_backend(self.gateway.url, no_such_option=1)

    def test_its_channels_are_known(self) -> None:
        self.assertTrue(self.backend.channels)
        self.assertLessEqual(self.backend.channels, set(CHANNELS))

    def _failure(self, *answers: Answer) -> DeliveryError:
        """Return the error after these answers; a second request is a second message."""
        self.gateway.answers(*answers)
        self.gateway.requests.clear()
        error = self._error(self.backend)
        self.assertEqual(len(self.gateway.requests), 1, "one message is one request")
        return error

    def _error(self, backend: BaseSMSBackend) -> DeliveryError:
        with self.assertRaises(DeliveryError) as caught, self._nothing_told():
            backend.send(self.make_message())
        error: DeliveryError = caught.exception
        self._assert_discreet("".join(traceback.format_exception(error)), "the traceback")
        self._assert_discreet(_chain(error), "the error or its chain")
        return error

    def _send(self) -> SendResult:
        with self._nothing_told():
            result = self.backend.send(self.make_message())
        self._assert_discreet(f"{result!r} {self.backend!r}", "a repr")
        return result

    @contextmanager
    def _nothing_told(self) -> Iterator[None]:
        """Fail where a logger, at its lowest level, was told the code or the number."""
        told, root = io.StringIO(), logging.getLogger()
        handler, level = logging.StreamHandler(told), root.level
        root.addHandler(handler)
        root.setLevel(1)
        try:
            yield
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
            self._assert_discreet(told.getvalue(), "a log")

    def _assert_discreet(self, text: str, place: str) -> None:
        # Not assertNotIn, whose failure would print all of it.
        self.assertFalse(CODE in text, f"{place} holds the code")
        self.assertFalse(PHONE.removeprefix("+") in text, f"{place} holds the number")


def _chain(error: BaseException) -> str:
    """Return all that an error carries, also the parts that a traceback does not print."""
    seen: list[str] = []
    found: BaseException | None = error
    while found is not None:
        seen.append(f"{found!r} {found.args!r} {vars(found)!r}")
        found = found.__cause__ or found.__context__
    return "\n".join(seen)
