"""What a number's row counts of wrong guesses: exact, bounded, and given back to nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_sms_otp.limits.failures import (
    MOST_KEPT,
    Claimant,
    FailureBudget,
    Guesses,
    id_group,
)
from django_sms_otp.limits.messages import Send
from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.rates import parse_rates

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
BUDGET = FailureBudget(free=5, rates=parse_rates("10/h"), most=100)
GROUPS = ("strangers", "known", "tag")


def guessed(
    times: int, group: str = "tag", code: str = "code", guesses: Guesses | None = None
) -> Guesses:
    guesses = guesses or Guesses()
    for number in range(times):
        at = NOON + number * SECOND
        guesses = guesses.with_one(group, code, at, NOON + HOUR)
    return guesses


@given(st.lists(st.tuples(st.sampled_from(GROUPS), st.sampled_from("ab")), max_size=40))
def test_each_guess_is_counted_once(made: list[tuple[str, str]]) -> None:
    guesses = Guesses()
    for number, (group, code) in enumerate(made):
        guesses = guesses.with_one(group, code, NOON + number * SECOND, NOON + HOUR)
    assert guesses.consecutive == len(made)
    for group in GROUPS:
        assert guesses.of(group).consecutive == sum(each == group for each, _ in made)
        for code in "ab":
            assert guesses.at_code(code, group) == made.count((group, code))
    assert Guesses.from_json(guesses.to_json()) == guesses
    for number, (group, code) in enumerate(made):
        guesses = guesses.without(NOON + number * SECOND, group, code)
    assert (guesses.consecutive, guesses.groups) == (0, {})
    assert not any(guesses.at_code(code, *GROUPS) for code in "ab")


def test_a_row_does_not_grow_with_guesses() -> None:
    guesses = guessed(MOST_KEPT + 50)
    assert guesses.consecutive == guesses.of("tag").consecutive == MOST_KEPT + 50
    assert len(guesses.of("tag").recent) == MOST_KEPT
    assert guesses.of("tag").recent[-1] == (NOON + (MOST_KEPT + 49) * SECOND).timestamp()


def test_a_row_forgets_the_waits_of_the_oldest_groups_and_no_guess_at_a_live_code() -> None:
    guesses = Guesses()
    for number in range(MOST_KEPT):
        guesses = guessed(1, f"tag {number}", "code", guesses)
    guesses = guessed(1, "tag 0", "other code", guesses)
    assert guesses.consecutive == MOST_KEPT + 1
    assert guesses.of("tag 0").consecutive == 2, "It failed last."
    guesses = guessed(1, "one more", "other code", guesses)
    assert len(guesses.groups) == MOST_KEPT
    assert guesses.of("tag 1").consecutive == 0
    assert guesses.at_code("code", "tag 1") == 1
    assert not guesses.has_room_for("code", "one more", NOON)
    assert guesses.has_room_for("code", "tag 1", NOON)


def test_a_row_that_is_full_of_live_codes_takes_no_guess_at_another() -> None:
    guesses = Guesses()
    for number in range(MOST_KEPT):
        guesses = guessed(1, "tag", f"code {number}", guesses)
    assert not guesses.has_room_for("one more", "tag", NOON)
    assert guesses.has_room_for("code 0", "tag", NOON)
    assert guesses.has_room_for("one more", "tag", NOON + 2 * HOUR), "They have expired."


def test_what_was_guessed_at_a_dead_code_is_forgotten() -> None:
    guesses = guessed(1).with_one("tag", "next", NOON + HOUR, NOON + 2 * HOUR)
    assert [*guesses.codes] == ["next"]


def test_a_success_clears_all_but_what_was_guessed_at_a_live_code() -> None:
    cleared = guessed(5).cleared()
    assert (cleared.consecutive, cleared.of("tag").consecutive) == (0, 0)
    assert cleared.at_code("code", "tag") == 5
    # The gateway's late answer takes nothing back twice.
    late = cleared.without(NOON, "tag", "code")
    assert (late.consecutive, late.at_code("code", "tag")) == (0, 4)


@pytest.mark.parametrize(
    ("leaves", "askers", "strangers", "allowed"),
    [(1, 29, 0, 5), (1, 30, 0, 1), (1, 29, 40, 5), (0, 30, 0, 5), (2, 30, 0, 5)],
)
def test_after_many_guesses_of_askers_the_next_one_has_one(
    leaves: int, askers: int, strangers: int, allowed: int
) -> None:
    guesses = guessed(strangers, "strangers", "old", guessed(askers))
    claimant = Claimant(group="another", leaves=leaves)
    assert guesses.allowance(claimant, BUDGET, at_code=5) == allowed


def test_a_small_budget_leaves_one_asker_their_guesses() -> None:
    budget = FailureBudget(free=5, rates=(), most=7)
    claimant = Claimant(group="another", leaves=1)
    assert guessed(4).allowance(claimant, budget, at_code=5) == 5
    assert guessed(5).allowance(claimant, budget, at_code=5) == 1


@pytest.mark.parametrize(
    ("most", "bounds"), [(100, (80, 90, 100)), (20, (16, 18, 20)), (9, (9, 9, 9))]
)
def test_each_group_leaves_some_guesses_to_the_next(most: int, bounds: tuple[int, ...]) -> None:
    budget = FailureBudget(free=5, rates=(), most=most)
    state = NumberState(sends=(Send(0, "code", "asker"),), known=("known",))
    claimants = [state.claimant((tag,), "code") for tag in ("nobody", "asker", "known")]
    assert tuple(each.most(budget) for each in claimants) == bounds


@pytest.mark.parametrize(
    ("tags", "brings_id", "askers", "group"),
    [
        (("home",), False, 1, "home"),
        (("home",), True, 1, "id"),
        (("away",), True, 1, "id"),
        ((), True, 1, "id"),
        (("home",), True, 2, "home"),
        (("away",), True, 2, "id"),
        (("away", "second's device"), True, 2, "second's device"),
        (("second",), False, 2, "second's device"),
        (("home", "second's device"), False, 2, "second's device"),
        (("known",), True, 1, "id"),
        (("known",), True, 2, "known"),
        (("known",), False, 1, "known"),
        (("away",), False, 2, "strangers"),
        ((), False, 2, "strangers"),
    ],
)
def test_whose_guess_it_is(
    *, tags: tuple[str, ...], brings_id: bool, askers: int, group: str
) -> None:
    sends = (
        Send(0, "older code", "away"),
        Send(1, "code", "home"),
        Send(2, "code", "home"),
        Send(3, "code", "second", "second's device"),
    )
    state = NumberState(sends=sends[: 2 + askers], known=("known",))
    found = state.claimant(tags, "code", brings_id=brings_id).group
    assert found == (id_group("code") if group == "id" else group)


def test_without_a_live_code_nobody_is_its_asker() -> None:
    state = NumberState(sends=(Send(0, "", "home"),))
    assert state.claimant(("home",)).group == "strangers"


def test_askers_are_remembered_as_long_as_messages() -> None:
    state = NumberState().with_send(Send(NOON.timestamp(), "code", "home"), memory=HOUR)
    later = Send((NOON + HOUR - SECOND).timestamp(), "next", "away")
    state = state.with_send(later, memory=HOUR)
    assert state.claimant(("home",), "code").group == "home"
    assert NumberState.from_json(state.to_json()) == state
