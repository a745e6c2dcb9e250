"""How the admin names the user of a phone number."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_permission_codename, get_user_model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.text import Truncator

from .. import phone

__all__ = ["may_see_users", "name_of", "user_url"]

LONGEST_NAME = 24
RANDOM_NAME = re.compile(r"(user_)?[0-9a-f]{16,}")
"""A name that a resolver gave. No phone number has 16 digits."""

MAYBE_A_NUMBER = re.compile(r"\+?\d(?:[\s()./-]*\d){6,}")


def may_see_users(request: HttpRequest) -> bool:
    """Return whether staff may see the users, and so their names."""
    meta = get_user_model()._meta
    names = (get_permission_codename(action, meta) for action in ("view", "change"))
    return any(request.user.has_perm(f"{meta.app_label}.{name}") for name in names)


def name_of(user: Any) -> str:
    """Return the name of a user, cut short. The name may be a phone number: it is masked."""
    name = str(user)
    if not RANDOM_NAME.fullmatch(name):
        name = MAYBE_A_NUMBER.sub(_masked, name)
    return Truncator(name).chars(LONGEST_NAME)


def user_url(user_id: Any, *, site: str) -> str:
    """Return the address of a user's page; empty if the admin has none.

    :param site: the name of the ``AdminSite``.
    """
    meta = get_user_model()._meta
    name = f"admin:{meta.app_label}_{meta.model_name}_change"
    try:
        return reverse(name, args=[user_id], current_app=site)
    except NoReverseMatch:
        return ""


def _masked(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    if found[0].startswith("+"):
        return phone.mask(f"+{digits}")
    return "*" * (len(digits) - 2) + digits[-2:]
