"""The attacks of tests/attacks, with fewer rounds: each limit holds to the unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.attacks.figures import Row, table
from tests.attacks.plan import QUICK, sites
from tests.attacks.statements import statements
from tests.attacks.targets import Target

SITES = sites(QUICK)

pytestmark = pytest.mark.django_db(transaction=True)


def assert_all_hold(rows: Iterable[Row], log: Callable[[], str] = str) -> None:
    broken = [row for row in rows if not row.holds]
    assert not broken, f"\n{table(broken)}\n{log()}"


@pytest.mark.parametrize("site", SITES)
def test_attacks_get_what_the_limits_allow(site: str) -> None:
    with Target.started(workers=QUICK.workers, sms_otp=SITES[site].settings) as target:
        assert_all_hold(target.hit_by(SITES[site].attacks), target.server.log)


def test_requests_make_few_statements() -> None:
    assert_all_hold(statements())
