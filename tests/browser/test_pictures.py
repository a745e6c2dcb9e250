"""The pictures of the documentation show the pages as they are."""

from __future__ import annotations

import pytest

from .admin_states import ADMIN
from .conftest import NewPerson
from .pictures import FOLDER, VIEWS, digest_in, digest_of, file_of, take
from .scenes import State
from .states import STATES

ALL = [*STATES, *ADMIN]

ANEW = "Make the pictures anew: tox run -e browser -- --pictures"

ALL_IN_ALL = 2_500_000
"""Bytes."""


@pytest.mark.parametrize("state", ALL, ids=str)
def test_the_pictures_of_a_state_are_new(
    state: State, new_person: NewPerson, request: pytest.FixtureRequest
) -> None:
    person = new_person(locale=state.locale)
    state.reach(person)
    if request.config.getoption("--pictures"):
        take(person.page, state)
    now = digest_of(person.page)
    old = [
        file_of(state, view).name for view in VIEWS if digest_in(file_of(state, view)) != now
    ]
    assert old == [], ANEW


def test_no_picture_is_of_a_state_that_is_gone() -> None:
    files = list(FOLDER.glob("*.png"))
    assert {file.name for file in files} <= {
        file_of(state, view).name for state in ALL for view in VIEWS
    }
    assert sum(file.stat().st_size for file in files) < ALL_IN_ALL
