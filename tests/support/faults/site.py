"""A server of several threads whose lines to the database and to the gateway can be cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

from ..fake_twilio import FakeTwilio, fake_twilio
from ..server import Answer
from .outage import database_address, locked_database_file
from .plan import Plan
from .proxy import Address, Proxy
from .server import FaultyServer

PATIENCE = 10.0


@dataclass(frozen=True)
class Site:
    """``database`` is ``None`` for SQLite, which has no line."""

    server: FaultyServer
    twilio: FakeTwilio
    gateway: Proxy
    database: Proxy | None

    @contextmanager
    def database_outage(self) -> Iterator[None]:
        with self.database.outage() if self.database else locked_database_file():
            yield

    def sent(self, phone_number: str) -> list[str]:
        """Return the codes that the gateway took over for a number."""
        # Reports of redemption name no number.
        forms = [request.form for request in self.twilio.requests if "To" in request.form]
        return [form["Body"].rsplit(" ", 1)[-1] for form in forms if form["To"] == phone_number]

    @contextmanager
    def while_the_gateway_is_asked(self, phone_number: str) -> Iterator[Future[Answer]]:
        """Ask for a code, and run the body when the gateway has the message."""
        before = len(self.sent(phone_number))
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self.server.get_code, phone_number)
            wait_for(lambda: len(self.sent(phone_number)) > before)
            yield answer


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        twilio = stack.enter_context(fake_twilio())
        deaf = Plan(folder).deaf
        gateway = _proxy(stack, deaf, ("127.0.0.1", urlsplit(twilio.base_url).port or 0))
        environment = {"TEST_SERVER_GATEWAY": f"http://127.0.0.1:{gateway.port}"}
        database = None
        if connection.vendor != "sqlite":
            database = _proxy(stack, deaf, database_address())
            environment["TEST_SERVER_DATABASE_PORT"] = str(database.port)
        server = FaultyServer(folder, workers=2, threads=4, **environment)
        stack.callback(server.stop)
        yield Site(server=server, twilio=twilio, gateway=gateway, database=database)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _proxy(stack: ExitStack, deaf: Path, upstream: Address) -> Proxy:
    proxy = Proxy(upstream, deaf)
    stack.callback(proxy.cut)
    return proxy
