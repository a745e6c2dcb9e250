"""Content-Security-Policy: all tests run under a strict one. Here it is seen to bite."""

from __future__ import annotations

from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from .conftest import NewPerson
from .person import Person
from .site import POLICY

NONCE = "django.template.context_processors.csp"


def with_nonces() -> list[dict[str, Any]]:
    engine: dict[str, Any] = django_settings.TEMPLATES[0]
    processors = [*engine["OPTIONS"]["context_processors"], NONCE]
    return [{**engine, "OPTIONS": {"context_processors": processors}}]


def test_the_pages_have_the_policy_and_keep_it(person: Person) -> None:
    answer = person.page.goto("/login/")
    assert answer
    assert answer.headers["content-security-policy"] == POLICY
    person.page.evaluate("document.body.append(document.createElement('style'))")
    person.page.evaluate("document.querySelector('style').textContent = 'p { color: red }'")
    person.page.wait_for_function("document.querySelector('style').sheet === null")
    assert any("style-src" in each for each in person.complaints)
    person.complaints.clear()


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django 6.0 brings nonces.")
def test_with_a_nonce_alone(new_person: NewPerson) -> None:
    """Nothing is allowed but what has the nonce of the answer: the style sheet, the script."""
    from django.utils.csp import CSP  # type: ignore[import-not-found,unused-ignore]

    policy = {
        "default-src": [CSP.NONE],
        "style-src": [CSP.NONCE],
        "script-src": [CSP.NONCE],
        "form-action": [CSP.SELF],
    }
    with override_settings(SECURE_CSP=policy, TEMPLATES=with_nonces()):
        person = new_person()
        answer = person.page.goto("/login/")
        assert answer
        assert "'nonce-" in answer.headers["content-security-policy"]
        person.ask(at="/login/?next=/pay/")
        # The style sheet and the script are at work.
        colour = "getComputedStyle(document.querySelector('button')).backgroundColor"
        assert person.page.evaluate(colour) == "rgb(39, 71, 209)"
        person.enter(person.code)
        assert person.path == "/pay/"
