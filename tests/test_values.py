"""Frozen dataclasses that share their methods."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, field, is_dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import pytest
from django.test import override_settings
from django.views.debug import ExceptionReporter
from django.views.decorators.debug import sensitive_variables

from django_sms_otp.values import Value

T = TypeVar("T")


class Place(Value):
    """Somewhere."""

    name: str
    secret: str = field(default="", repr=False)
    tags: Mapping[str, Any] = field(default_factory=dict)


class Town(Place, Generic[T]):
    """A larger one."""

    people: T

    @cached_property
    def size(self) -> T:
        return self.people


SECRET = "42" * 20
HERE = Place(name="here", secret="key")


def test_it_is_a_dataclass() -> None:
    assert is_dataclass(HERE)
    assert asdict(HERE) == {"name": "here", "secret": "key", "tags": {}}
    assert replace(HERE, name="there") == Place(name="there", secret="key")


def test_what_is_hidden_is_not_shown() -> None:
    assert repr(HERE) == "Place(name='here', tags={})"


def test_it_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        HERE.name = "there"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del HERE.name
    assert HERE.name == "here"


def test_defaults_are_not_shared() -> None:
    assert Place(name="a").tags is not Place(name="b").tags


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "Place lacks name."),
        ({"name": "here", "nmae": "there"}, "Place has no field 'nmae'."),
        ({"nmae": "here"}, "Place has no field 'nmae'."),
        ({"tags": {}}, "Place lacks name."),
    ],
)
def test_what_is_missing_or_unknown_is_named(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=f"^{problem}$"):
        Place(**given)


def test_values_are_equal_by_what_they_hold() -> None:
    first, second = Place(name="a", tags=()), Place(tags=(), name="a")  # type: ignore[arg-type]
    assert first == second
    assert hash(first) == hash(second)
    assert first != Place(name="b", tags=())  # type: ignore[arg-type]
    assert first != Town(name="a", tags=(), people=1)  # type: ignore[arg-type]


def test_a_subclass_adds_fields() -> None:
    town = Town(name="here", people=3)
    assert repr(town) == "Town(name='here', tags={}, people=3)"
    with pytest.raises(TypeError, match=r"^Town lacks people\.$"):
        Town(name="here")  # type: ignore[call-arg]


def test_what_is_kept_with_a_value_is_no_part_of_it() -> None:
    town = Town(name="here", people=3)
    assert town.size == 3
    assert town == Town(name="here", people=3)


def test_what_was_refused_can_be_shown() -> None:
    """As debuggers and error reports do."""
    assert repr(Place.__new__(Place)) == "Place()"


@override_settings(DEBUG=False)
def test_a_report_of_an_error_shows_nothing_that_was_given() -> None:
    with pytest.raises(TypeError) as caught:
        _mistype()
    report = ExceptionReporter(None, *caught._excinfo).get_traceback_html()  # type: ignore[misc]
    assert "nmae" in report
    assert SECRET not in report


@sensitive_variables("given")
def _mistype() -> None:
    given: dict[str, Any] = {"nmae": "here", "secret": SECRET}
    Place(**given)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_it_can_be_copied(copied: Any) -> None:
    assert copied(HERE) == HERE


def test_it_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(HERE)) == HERE
