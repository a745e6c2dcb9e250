"""How much longer ``get-code`` takes with a queue than with the dummy backend at once.

The two ways, and each engine, take turns in one run: what else the machine does hits all alike.
Nobody works the jobs off, and the dummy backend does nothing, so it is the handing over that is
compared.
"""

from __future__ import annotations

import gc
import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.test import Client, override_settings

from django_sms_otp.conf import settings as conf
from django_sms_otp.testing import override_sms_otp
from tests.engines import DATABASE, celery_app
from tests.server import Server
from tests.valkey import running_server

__all__ = ["WAYS", "compare_in_process", "compare_over_http"]

WAYS = ("immediate", "tasks", "celery")
WARM_UP = 20
UNLIMITED = {"LIMITS": {"ip": None}}
DUMMY = {"default": {"BACKEND": "django_sms_otp.backends.dummy.SMSBackend"}}

numbers = (f"+1415{number:07}" for number in itertools.count(2_000_000))

Ask = Callable[[], None]


def compare_in_process(turns: int) -> dict[str, float]:
    """Return milliseconds on a processor of ``get-code`` through Django's test client.

    A process that never pauses is the last to get a processor back after each word with a
    broker, so that its time on the wall tells more of the machine than of the broker.
    """
    client = Client()
    settings = override_settings(TASKS=DATABASE, SMS_OTP_BACKENDS=DUMMY)

    def ask(way: str) -> Ask:
        def post() -> None:
            body = {"phone_number": next(numbers)}
            answer = client.post("/auth/sms/get-code/", body, content_type="application/json")
            assert answer.status_code == 202, answer.content

        return post

    with running_server() as valkey, settings:
        url = f"redis+socket://{valkey.unix_socket_path}"
        with celery_app(url), override_sms_otp(**UNLIMITED):
            return _quartiles({way: ask(way) for way in WAYS}, turns, _site, time.thread_time)


def compare_over_http(turns: int) -> dict[str, float]:
    """Return milliseconds of ``get-code`` from gunicorn, of one process for each way."""
    with ExitStack() as stack:
        valkey = stack.enter_context(running_server())
        url = f"redis+socket://{valkey.unix_socket_path}"
        servers = {}
        for way in WAYS:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            variables = {
                "DJANGO_SETTINGS_MODULE": "benchmarks.background.site_settings",
                "BENCHMARK_BROKER": url,
            }
            options = ("--workers=1", "--threads=1")
            sms_otp = {"DELIVERY": way, **UNLIMITED}
            server = Server(folder, options=options, sms_otp=sms_otp, variables=variables)
            servers[way] = stack.enter_context(server)

        def ask(way: str) -> Ask:
            def post() -> None:
                answer = servers[way].post("get-code", phone_number=next(numbers))
                assert answer.status == 202, answer

            return post

        return _quartiles({way: ask(way) for way in WAYS}, turns, _nothing, time.perf_counter)


@contextmanager
def _site(way: str) -> Iterator[None]:
    with override_sms_otp(DELIVERY=way):
        conf.get_settings()  # Validated once after each change, and not while it is measured.
        yield


@contextmanager
def _nothing(way: str) -> Iterator[None]:
    yield


def _quartiles(
    asks: Mapping[str, Ask],
    turns: int,
    site: Callable[[str], AbstractContextManager[None]],
    clock: Callable[[], float],
) -> dict[str, float]:
    """Return the lower one: a broker is another process, which a busy machine keeps waiting."""
    times: dict[str, list[float]] = {way: [] for way in asks}
    gc.disable()
    try:
        for _ in range(WARM_UP + turns):
            for way in random.sample(sorted(asks), len(asks)):
                with site(way):
                    start = clock()
                    asks[way]()
                    times[way].append(clock() - start)
    finally:
        gc.enable()
    return {
        way: 1000 * statistics.quantiles(mine[WARM_UP:], n=4)[0] for way, mine in times.items()
    }
