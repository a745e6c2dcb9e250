"""Whether the walk through all orders would find what there is to find: on plain rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from django_sms_otp.models import Limit

from ..support.interleaving.caller import Call, Step
from ..support.interleaving.footprints import Footprint, Tables
from ..support.interleaving.orders import Count, Order, Violation, explore
from ..support.interleaving.scene import scene
from ..support.interleaving.scheduler import Scheduler

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="only PostgreSQL tells which statement waits for which",
    ),
]


@pytest.fixture(autouse=True)
def two_rows() -> None:
    for key in "ab":
        Limit.objects.create(kind="site", subject=key, version=0, updated_at=timezone.now())


def version(key: str = "a") -> int:
    return Limit.objects.get(subject=key).version


def read_then_add(key: str = "a") -> None:
    Limit.objects.filter(subject=key).update(version=version(key) + 1)


def add(key: str = "a") -> None:
    Limit.objects.filter(subject=key).update(version=F("version") + 1)


def add_to_both(*keys: str) -> None:
    with transaction.atomic():
        for key in keys:
            add(key)


def every_order(*calls: Call, check: Callable[[Order], None], reduced: bool = True) -> Count:
    with scene() as before, Scheduler(len(calls)) as scheduler:
        return explore(scheduler, calls, restore=before.restore, check=check, reduced=reduced)


def both_added(order: Order) -> None:
    assert version() == 2


@pytest.mark.parametrize("reduced", [True, False])
def test_a_lost_update_is_found(reduced: bool) -> None:
    with pytest.raises(Violation) as found:
        every_order(read_then_add, read_then_add, check=both_added, reduced=reduced)
    assert str(found.value).count("SELECT django_sms_otp_limit") == 2


def test_where_no_update_is_lost_none_is_found() -> None:
    assert every_order(add, partial(add), check=both_added) == Count(orders=2)


def test_of_two_calls_that_are_the_same_one_comes_first() -> None:
    assert every_order(add, add, check=both_added) == Count(orders=1)


def test_orders_of_reads_are_all_the_same() -> None:
    count = every_order(version, partial(version, "b"), check=lambda order: None)
    assert count.orders == 1


def test_a_statement_that_waits_goes_on_after_the_commit() -> None:
    both = partial(add_to_both, "a", "b")
    texts: set[str] = set()

    def waited(order: Order) -> None:
        assert version("a") == version("b") == 2
        texts.add(" ".join(f"{number} {text.split()[0]}" for number, text in order.steps))

    every_order(both, partial(add_to_both, "a", "b"), check=waited)
    assert "0 UPDATE 1 UPDATE 0 UPDATE 0 COMMIT 1 UPDATE 1 COMMIT" in texts


def test_an_error_is_the_outcome_of_its_call() -> None:
    with Scheduler(2) as scheduler:
        outcomes = scheduler.run([version, partial(version, "c")], min)
    assert outcomes[0] == 0
    assert isinstance(outcomes[1], Limit.DoesNotExist)


def test_a_statement_that_fails_lets_others_go_on_before_the_rollback() -> None:
    def add_and_fail() -> None:
        with transaction.atomic():
            add("a")
            Limit.objects.create(kind="site", subject="b", updated_at=timezone.now())

    turns = iter([0, 1, 0, 1, 1, 0])
    calls: list[Call] = [add_and_fail, partial(add_to_both, "a", "b")]
    with Scheduler(2) as scheduler:
        failed, added = scheduler.run(calls, lambda steps: next(turns))
    assert isinstance(failed, IntegrityError)
    assert added is None


def test_a_deadlock_is_left_to_the_database() -> None:
    turns: Iterator[int] = iter([0, 1, 0, 1])

    def choose(steps: Mapping[int, Step]) -> int:
        return next(turns, min(steps))

    calls = [partial(add_to_both, "a", "b"), partial(add_to_both, "b", "a")]
    with Scheduler(2) as scheduler:
        outcomes = scheduler.run(calls, choose)
    errors = [outcome for outcome in outcomes if outcome is not None]
    assert [type(error) for error in errors] == [OperationalError]
    assert "deadlock" in str(errors[0])


def test_a_run_that_is_broken_off_leaves_nothing_behind() -> None:
    turns = iter([0, 1])
    calls = [partial(add_to_both, "a", "b"), partial(add_to_both, "a", "b")]
    with Scheduler(2) as scheduler:
        # After the second turn, one call is within a transaction, and the other one waits.
        with pytest.raises(StopIteration):
            scheduler.run(calls, lambda steps: next(turns))
        assert version("a") == version("b") == 0
        scheduler.run(calls, min)
    assert version("a") == version("b") == 2


def test_what_commutes() -> None:
    tables = Tables(connection)
    of = partial(tables.of_statement, alone=False)
    read = of('SELECT * FROM "django_sms_otp_limit"')
    write = of('UPDATE "django_sms_otp_limit" SET "version" = 1')
    commit, rollback = tables.of_commit(write.writes), tables.of_rollback(write.writes)
    other = of('DELETE FROM "auth_group"')
    assert read.commutes_with(read)
    assert read.commutes_with(write)
    assert read.commutes_with(rollback)
    assert not read.commutes_with(commit)
    for end in (write, commit, rollback):
        assert not write.commutes_with(end)
        assert end.commutes_with(other)


@pytest.mark.parametrize(
    "sql", ["LOCK TABLE x", "SELECT pg_advisory_lock(1)", "WITH x AS (...)"]
)
def test_what_is_not_understood_commutes_with_nothing(sql: str) -> None:
    tables = Tables(connection)
    unknown = tables.of_statement(sql, alone=False)
    read = tables.of_statement('SELECT * FROM "auth_group"', alone=False)
    assert not unknown.commutes_with(read)
    assert unknown.commutes_with(Footprint())
